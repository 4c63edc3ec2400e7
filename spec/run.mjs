// Runs the conformance vectors against any program that keeps the line format of README.md:
//   node spec/run.mjs [command …]        default: reservations decide
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual as same } from "node:util";

const folder = new URL("./vectors/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
const vectors = files.flatMap((name) => JSON.parse(readFileSync(new URL(name, folder))).vectors);
const [command, ...args] = process.argv.length > 2 ? process.argv.slice(2) : ["reservations", "decide"];

const done = spawnSync(command, args, {
  input: vectors.map((vector) => JSON.stringify(vector.input) + "\n").join(""),
  stdio: ["pipe", "pipe", "inherit"],
  maxBuffer: 2 ** 28,
});
if (done.error) console.log(`${command}: ${done.error.message}`);
const lines = (done.stdout ?? "").toString("utf8").split("\n").filter(Boolean);

const fits = (wanted, given) => Object.entries(wanted).every(([key, value]) => same(given[key], value));
// Every wanted part is there; an empty list wants that there is nothing.
const covers = (wanted, given, test) =>
  wanted.length ? wanted.every((one) => given.some((other) => test(one, other))) : !given.length;
const idents = (record) => record.notes.map((note) => note.ident);
const exact = ["action", "verdict", "crawl", "stage", "consulted", "not_reached", "expires"];
const equal = (key) => [key, (wanted, record) => same(record[key], wanted)];
const checks = {
  ...Object.fromEntries(exact.map(equal)),
  usage: (wanted, record) => fits(wanted, record.usage),
  reasons: (wanted, record) => covers(wanted, record.reasons, fits),
  offers: (wanted, record) => covers(wanted, record.offers, fits),
  identifiers: (wanted, record) => covers(wanted, record.identifiers, fits),
  reasons_from: (wanted, record) => same(new Set(record.reasons.map((one) => one.signal)), new Set(wanted)),
  notes: (wanted, record) => covers(wanted, idents(record), same),
  absent_notes: (wanted, record) => !wanted.some((one) => idents(record).includes(one)),
};

function failures(expect, line) {
  try {
    const record = JSON.parse(line ?? '{"error": "no output line"}');
    if (record.error !== undefined) return [record.error];
    return Object.keys(expect).filter((key) => !checks[key](expect[key], record)).map((key) =>
      `${key}: expected ${JSON.stringify(expect[key])}, got ${JSON.stringify(record[key] ?? record.notes)}`);
  } catch (error) {
    return [`no decision record: ${error.message}`];
  }
}

let failed = 0;
vectors.forEach(({ id, expect }, number) => {
  const wrong = failures(expect, lines[number]);
  if (wrong.length) failed += 1;
  for (const what of wrong) console.log(`${id}: ${what}`);
});
console.log(`${vectors.length - failed} passed, ${failed} failed`);
process.exitCode = failed || lines.length !== vectors.length || !lines.length ? 1 : 0;
