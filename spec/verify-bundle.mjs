// Checks a bundle that `reservations ledger prove` wrote; ledger.md tells the format.
//   node spec/verify-bundle.mjs bundle.json [verifier key that must have signed]
// Prints what holds and exits with 0, or what does not and exits with 1. Node 18, no packages.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
const NOT_PROVED = "a820c4aa298b3e365a78b9c4741fafff8be225fc3826e26ba70ad96fd22f1091";
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hex = (data) => sha256(data).toString("hex");
const fail = (text) => { throw new Error(text); };
const check = (holds, text) => holds || fail(text);
const bytes = (text, form) =>
  Buffer.from(text, form).toString(form) === text ? Buffer.from(text, form) : fail(`this is not ${form}`);
// C2SP signed-note: a key is <name>+<key id>+<base64 of 1 and the Ed25519 key>
function readKey(text) {
  const [, name, id, key] = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text) ?? fail("this is no key");
  const raw = bytes(key, "base64");
  check(raw[0] === 1 && sha256(Buffer.from(`${name}\n`), raw).toString("hex", 0, 4) === id, "this is no Ed25519 key");
  const jwk = { kty: "OKP", crv: "Ed25519", x: raw.subarray(1).toString("base64url") };
  return { text, name, id, key: createPublicKey({ key: jwk, format: "jwk" }) };
}
function openNote(note, keys) {
  const end = note.lastIndexOf("\n\n") + 1;
  const signed = note.slice(end + 1, -1).split("\n").map((line) => {
    const [, name, value] = /^— (\S+) (\S+)$/u.exec(line) ?? fail("a signature line is malformed");
    const raw = bytes(value, "base64");
    const one = keys.find((key) => key.name === name && key.id === raw.toString("hex", 0, 4));
    const good = one && verify(null, Buffer.from(note.slice(0, end)), one.key, raw.subarray(4));
    return good ? one.text : fail(`the signature of ${name} does not hold`);
  });
  const all = keys.length === signed.length && keys.every((key) => signed.includes(key.text));
  return all && note.endsWith("\n") ? note.slice(0, end - 1).split("\n") : fail("a key did not sign");
}
// RFC 9162 §2.1.3.2
function rootOf(leaf, index, size, path) {
  let [place, last, hash] = [BigInt(index), BigInt(size) - 1n, leaf];
  check(place >= 0n && place <= last, "there is no such line");
  for (const node of path.map((one) => bytes(one, "hex"))) {
    check(last > 0n && node.length === 32, "an audit path is too long");
    const left = place % 2n === 1n || place === last;
    hash = left ? sha256(Buffer.from([1]), node, hash) : sha256(Buffer.from([1]), hash, node);
    if (left) while (place % 2n === 0n && place) [place, last] = [place >> 1n, last >> 1n];
    [place, last] = [place >> 1n, last >> 1n];
  }
  return last === 0n ? hash.toString("base64") : fail("an audit path is too short");
}
const behindHead = (data) => data.subarray(data.indexOf("\r\n\r\n") + 4);
function checkDocument({ index, record, body }, said) {
  const again = said.body !== null && said.body !== index;
  const full = record !== undefined ? said.archive : !said.archive || again;
  check(full && again === (body !== undefined), "a record or a body is missing, or too many");
  check(!again || hex(bytes(body, "base64")) === said.digest, "a body is another one");
  const data = record === undefined || bytes(record, "base64");
  check(data === true || hex(data) === said.archive.sha256, "a WARC record is another one");
  if (said.body !== index) return;
  check(hex(behindHead(behindHead(gunzipSync(data))).subarray(0, -4)) === said.digest, "a payload is another one");
}
function covers(host, text) {
  const { hostname, port, protocol } = new URL(text);
  const given = /:\d+$/.test(host) ? `:${port || { "http:": 80, "https:": 443 }[protocol]}` : "";
  const name = hostname.replace(/\.$/, "") + given;
  return name === host || (!/^\[|\.\d+$/.test(hostname) && name.endsWith(`.${host}`));
}
function checkSegment({ checkpoint, lines }, host, given) {
  const said = new Map(lines.map(({ index, line }) => [index, line === undefined ? null : JSON.parse(line)]));
  check(lines[0].index === 0 && said.get(0)?.kind === "segment", "the segment's first line is missing");
  const own = readKey(said.get(0).key);
  const keys = given && given.text !== own.text ? [own, given] : [own];
  const [origin, size, root, ...more] = openNote(checkpoint, keys);
  check(origin === `${own.name}/${said.get(0).segment}` && !more.length, "the checkpoint is another log's");
  const due = new Map([[0, "segment"]]);
  lines.forEach((one, place) => {
    const [line, { index, erased, path }] = [said.get(one.index), one];
    check(Object.keys(one).every((field) => /^(index|line|erased|path|record|body)$/.test(field)), "what is that?");
    check((!place || index > lines[place - 1].index) && !line === Boolean(erased), "the lines are not in order");
    const leaf = erased ? bytes(erased, "hex") : sha256(Buffer.from([0]), Buffer.from(one.line));
    check(rootOf(leaf, index, size, path) === root, `line ${index + 1} is not what was signed`);
    if (line?.kind === "document") return checkDocument(one, line);
    check(one.record === undefined && one.body === undefined, "there are bytes that no line names");
    if (line?.kind !== "decision" && line?.kind !== "epoch") return;
    check(covers(host, line.url ?? line.origin), "a line is about another host");
    due.set(index, line.kind).set(line.policy, "policy");
    for (const other of [line.documents, line.page?.document ?? []].flat()) due.set(other, "document");
  });
  due.forEach((kind, index) => check(said.has(index) && (said.get(index)?.kind ?? kind) === kind, "a line is missing"));
  check([...said.keys()].every((index) => due.has(index)), "there is a line that no other refers to");
  return `${origin}: ${lines.length} of ${size} lines, as signed by ${own.text}`;
}
try {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(process.argv[2]));
  const { format, host, not_proved: not, segments } = JSON.parse(text);
  check(`${JSON.stringify({ format, host, not_proved: not, segments })}\n` === text, "the file is not in its one form");
  check(format === "reservations-bundle/1" && segments.length, "this is no bundle");
  check(hex(Buffer.from(not.join("\n"))) === NOT_PROVED, "what it does not prove was changed");
  for (const one of segments) console.log(checkSegment(one, host, process.argv[3] && readKey(process.argv[3])));
  console.log(`All of that holds about ${host}. Not proved:\n- ${not.join("\n- ")}`);
} catch (error) {
  process.exitCode = console.log(`Does not hold: ${error.message}`) ?? 1;
}
