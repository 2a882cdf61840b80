// Writes the code caches: of nsexec.js, tools.js and chain.js every function is compiled, so that a start compiles none; of all.js, which is large,
// those that run anyway.
const { readFileSync, writeFileSync } = require("node:fs");
const { setFlagsFromString } = require("node:v8");
const { Script } = require("node:vm");

const folder = process.argv[2];
for (const [name, lazy] of [
  ["all", "--lazy"],
  ["nsexec", "--no-lazy"],
  ["tools", "--no-lazy"],
  ["chain", "--no-lazy"],
  ["exec", "--no-lazy"],
  ["explain", "--no-lazy"],
]) {
  setFlagsFromString(lazy);
  const script = new Script(readFileSync(`${folder}/${name}.js`, "latin1"));
  setFlagsFromString("--lazy"); // the cache carries a hash of the flags
  writeFileSync(`${folder}/${name}.cache`, script.createCachedData());
}
