// The first lines of the native program, which has every bundle in it: only the one that is needed is evaluated, as in loader.cjs.
const { readFileSync } = require("node:fs");
const { bundleFor } = require("./which.cjs");

let name = process.argv0;
try {
  name = readFileSync("/proc/self/cmdline", "latin1").split("\0", 1)[0];
} catch {
  // no /proc: the name that the runtime knows
}
const bundle = bundleFor(name, process.argv.slice(2));
if (bundle === "tools") require("./tools.cjs");
else if (bundle === "chain") require("./chain.cjs");
else require("./all.cjs");
