// Files that are nearly right: a value exchanged, a key lost, a byte flipped, an end cut off.
import type { Random } from "./random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  1e300,
  -1e300,
  2 ** 31,
  2 ** 53,
  4096,
  "",
  "x",
  "0",
  "/",
  "../..",
  "\u001b[31m",
  "\u0000",
  "\ud800",
  "__proto__",
  [],
  {},
  [[]],
  [null],
  [{}],
  { __proto__: null },
  { pid: 1 },
  ["x"],
  "9".repeat(40),
  "x".repeat(10_000),
  "a\nb",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_KILL",
];

/** Every place in a value, as the object and the key. */
function places(value: Json): [Record<string, Json>, string][] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((key): [Record<string, Json>, string][] => [[holder, key], ...places(holder[key] ?? null)]);
}

/** A copy of `value` with one to three changes. */
export function mutateJson(random: Random, value: unknown): unknown {
  const copy = structuredClone(value) as Json;
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const all = places(copy);
    if (all.length === 0) return random.pick(VALUES);
    const [holder, key] = random.pick(all);
    const what = random.below(10);
    if (what === 0) delete holder[key];
    else if (what === 1) holder[`${random.pick(["x", "__proto__", "constructor", ""])}${key}`] = holder[key] ?? null;
    else if (what === 2) holder[key] = [holder[key] ?? null];
    else if (what === 3) holder[key] = structuredClone(random.pick(all)[0]) as Json;
    else holder[key] = structuredClone(random.pick(VALUES)) as Json;
  }
  return random.chance(3) ? random.pick(VALUES) : copy;
}

/** A copy of `bytes` with a few changes. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let copy = Buffer.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(copy.length + 1);
    const what = random.below(6);
    if (what === 0) copy = copy.subarray(0, at);
    else if (what === 1) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(random.below(copy.length + 1))]);
    else if (what === 2) copy = Buffer.concat([copy.subarray(0, at), Buffer.from([random.below(256)]), copy.subarray(at)]);
    else if (what === 3)
      copy = Buffer.concat([
        copy.subarray(0, at),
        Buffer.from(random.pick(["\0", "\r\n", "=", "\ufeff", "{", "}", '"', "\\u", ",,", "é"])),
        copy.subarray(at),
      ]);
    else if (at < copy.length) copy[at] = what === 4 ? random.below(256) : (copy[at] ?? 0) ^ (1 << random.below(8));
  }
  return copy;
}

/** A text of JSON that is malformed in one way or the other. */
export function malformed(random: Random, value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(random.chance(70) ? mutateJson(random, value) : value) ?? "");
  return random.chance(30) ? mutateBytes(random, text) : text;
}
