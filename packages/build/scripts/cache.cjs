// Writes the code caches of the bundles: `node cache.cjs FOLDER BUNDLE…`. Every function is compiled, so that a start compiles none;
// in all.js, which is large, only the functions that always run.
const { readFileSync, writeFileSync } = require("node:fs");
const { setFlagsFromString } = require("node:v8");
const { Script } = require("node:vm");

const [folder, ...bundles] = process.argv.slice(2);
for (const name of bundles) {
  setFlagsFromString(name === "all" ? "--lazy" : "--no-lazy");
  const script = new Script(readFileSync(`${folder}/${name}.js`, "latin1"));
  setFlagsFromString("--lazy"); // the cache carries a hash of the flags
  writeFileSync(`${folder}/${name}.cache`, script.createCachedData());
}
