// Call functions of a module: read {module, calls: [[name, arguments], …]} as JSON and write the results as JSON.
// NaN and infinities are represented by the texts "NaN", "Infinity" and "-Infinity".
import { readFileSync } from "node:fs";

const SPECIAL = ["NaN", "Infinity", "-Infinity"];
const revive = (_, value) => (SPECIAL.includes(value) ? Number(value) : value);
const keep = (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);

const { module, calls } = JSON.parse(readFileSync(0, "utf8"), revive);
const functions = await import(module);
process.stdout.write(JSON.stringify(calls.map(([name, args]) => functions[name](...args)), keep));
