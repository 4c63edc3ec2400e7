// Checks a bundle that `reservations ledger prove` wrote; ledger.md tells the format. Node 18.
//   node spec/verify-bundle.mjs bundle.json [verifier key that must have signed]
// Exits with 0 if all holds, else with 1. Of lines it reads what it needs, not the whole schema.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hex = (data) => sha256(data).toString("hex");
const check = (holds, text) => { if (holds) return holds; throw new Error(text); };
const say = (text) => console.log(text.replace(/[^\P{C}\n]/gu, "?"));
const bytes = (text, form) => Buffer.from(text, form).toString(form) === text ? Buffer.from(text, form) : check(null, `this is not ${form}`);
const canonical = (it) => Array.isArray(it) ? `[${it.map(canonical)}]` : Object(it) !== it ? JSON.stringify(it)
  : `{${Object.keys(it).sort().map((key) => `${JSON.stringify(key)}:${canonical(it[key])}`)}}`;
const parse = (text) => canonical(JSON.parse(text)) === text && bytes(text, "utf8") ? JSON.parse(text) : check(null, "JSON in another form");
// C2SP signed-note: a key is <name>+<key id>+<base64 of 1 and the Ed25519 key>
function readKey(text) {
  const [, name, id, key] = /^([^\s\x00-\x20\x7f\x85+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text) ?? check(null, "this is no key");
  const raw = bytes(key, "base64");
  check(raw[0] === 1 && sha256(Buffer.from(`${name}\n`), raw).toString("hex", 0, 4) === id, "this is no Ed25519 key");
  return { text, name, id, key: createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url", 1) }, format: "jwk" }) };
}
function openNote(note, keys) {
  const end = note.lastIndexOf("\n\n") + 1;
  const signed = note.slice(end + 1, -1).split("\n").map((line) => {
    const [, name, value] = /^— (\S+) (\S+)$/u.exec(line) ?? check(null, "a signature line is malformed");
    const raw = bytes(value, "base64");
    const one = keys.find((key) => key.name === name && key.id === raw.toString("hex", 0, 4));
    return check(one && verify(null, Buffer.from(note.slice(0, end)), one.key, raw.subarray(4)) && one.text, `${name} did not sign that`);
  });
  check(note.endsWith("\n") && `${signed.sort()}` === `${keys.map((key) => key.text).sort()}`, "a key did not sign");
  return note.slice(0, end - 1).split("\n");
}
function rootOf(leaf, index, size, path) { // RFC 9162 §2.1.3.2
  let [place, last, hash] = [BigInt(index), BigInt(size) - 1n, leaf];
  check(/^\d{1,19}$/.test(size) && place >= 0n && place <= last && leaf.length === 32, "there is no such line");
  for (const node of path.map((one) => bytes(one, "hex"))) {
    check(last > 0n && node.length === 32, "an audit path is too long");
    const left = place % 2n === 1n || place === last;
    hash = sha256(Buffer.from([1]), ...(left ? [node, hash] : [hash, node]));
    while (left && place % 2n === 0n && place) [place, last] = [place >> 1n, last >> 1n];
    [place, last] = [place >> 1n, last >> 1n];
  }
  return last === 0n ? hash.toString("base64") : check(null, "an audit path is too short");
}
function checkDocument({ index, record, body }, said) {
  const again = said.body !== null && said.body !== index;
  const full = record === undefined ? again || (!said.archive && said.body === null) : said.archive;
  check(full && (again ? hex(bytes(body, "base64")) === said.digest : body === undefined), "a body or a record is missing or another one");
  if (record === undefined) return;
  const data = bytes(record, "base64");
  check(hex(data) === said.archive.sha256 && data.length === said.archive.length, "a WARC record is another one");
  const plain = gunzipSync(data, { maxOutputLength: 2 ** 25 });
  const [end, text] = [plain.indexOf("\r\n\r\n") + 4, plain.toString("latin1")];
  const head = new RegExp(`^WARC/1\\.1\r\n(.*\r\n)?content-length: ${plain.length - end - 4}\r\n`, "is");
  check(head.test(text.slice(0, end)) && data.readUInt32LE(data.length - 4) === plain.length && text.endsWith("\r\n\r\n"), "a WARC record is torn");
  const uri = text.slice(0, end).match(/(?<=\r\nwarc-target-uri: *<?)[^\s<>]+/gi)?.join();
  check(uri === encodeURI(said.location || said.url).replace(/%(25|5B|5D)/g, decodeURIComponent), "a WARC record is about another URL");
  check(hex(plain.subarray(plain.indexOf("\r\n\r\n", end) + 4, -4)) === (said.body === index ? said.digest : hex(Buffer.of())), "a payload is another one");
}
function covers(host, url) {
  const [, scheme, given, port] = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#\\]*@)?(\[[^\]/?#@\\]*\]|[^/?#@\\:]*)(?::(\d*))?(?=[/?#\\]|$)/i.exec(url) ?? [];
  const name = (/^[!-Z^-~]+$/.test(given) ? given.toLowerCase() : new URL(`http://${given}`).hostname).replace(/\.+$/, "");
  const full = name + (/:\d+$/.test(host) ? `:${+port || { http: 80, https: 443 }[scheme.toLowerCase()]}` : "");
  return full === host || (!/^\[|\.\d+$/.test(name) && full.endsWith(`.${host}`));
}
function checkSegment({ checkpoint, lines, ...rest }, host, given) {
  const said = new Map(lines.map(({ index, line }) => [index, line === undefined ? null : parse(line)]));
  check(lines[0].index === 0 && said.get(0)?.kind === "segment" && !Object.keys(rest).length, "the segment's first line is missing");
  const [own, due] = [readKey(said.get(0).key), new Set([0])];
  const [origin, size, root, ...more] = openNote(checkpoint, given && given.text !== own.text ? [own, given] : [own]);
  check(origin === `${own.name}/${said.get(0).segment}` && !more.length, "the checkpoint is another log's");
  lines.forEach((one, place) => {
    const [line, { index, line: text, erased, path, record, body, ...more }] = [said.get(one.index), one];
    const form = !Object.keys(more).length && (Object(line) === line ? erased === undefined : text === undefined);
    check(form && Number.isSafeInteger(index) && (!place || index > lines[place - 1].index), "the lines are not in order, or not lines");
    const leaf = line ? sha256(Buffer.from([0]), Buffer.from(text)) : bytes(erased, "hex");
    check(rootOf(leaf, index, size, path) === root, `line ${index + 1} is not what was signed`);
    if (line?.kind === "document") return checkDocument(one, line);
    check(record === undefined && body === undefined, "there are bytes that no line names");
    if (!["decision", "epoch"].includes(line?.kind)) return;
    check(covers(host, line.url ?? line.origin), "a line is about another host");
    const fits = (other, kind) => other < index && (said.get(other) === null || said.get(other)?.kind === kind);
    const others = [line.policy, ...line.documents, line.page?.document ?? []].flat();
    check(others.every((other, nth) => due.add(index).add(other) && fits(other, nth ? "document" : "policy")), "a line is missing");
  });
  check([...said.keys()].every((index) => due.has(index)), "there is a line that no other refers to");
  return [said.get(0).segment, `${origin}: ${lines.length} of ${size} lines, as signed by ${own.text}`];
}
try {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(process.argv[2]));
  const { format, host, not_proved: not, segments, ...rest } = parse(text.slice(0, -1));
  check(text.endsWith("\n") && format === "reservations-bundle/1" && segments.length && !Object.keys(rest).length && host && covers(host, `https://${host}/`), "this is no bundle");
  check(hex(Buffer.from(not.join("\n"))) === "a820c4aa298b3e365a78b9c4741fafff8be225fc3826e26ba70ad96fd22f1091" && not.length === 4, "what it does not prove was changed");
  const found = segments.map((one) => checkSegment(one, host, process.argv[3] && readKey(process.argv[3])));
  check(found.every(([name], place) => !place || name > found[place - 1][0]), "a segment is there twice");
  say(`${found.map((one) => one[1]).join("\n")}\nAll of that holds about ${host}. Not proved:\n- ${not.join("\n- ")}`);
} catch (error) {
  process.exitCode = say(`Does not hold: ${error.message}`) ?? 1;
}
