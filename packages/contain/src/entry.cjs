// The first lines of the native program, which has both bundles in it: only the one that is needed is evaluated, as in loader.cjs.
const { readFileSync } = require("node:fs");

const words = process.argv.slice(2);
let name = process.argv0;
try {
  name = readFileSync("/proc/self/cmdline", "latin1").split("\0", 1)[0];
} catch {
  // no /proc: the name that the runtime knows
}
const isContain = /(^|\/)contain$/.test(name);
if (isContain ? words[0] === "run" : !words.includes("contain")) require("./chain.cjs");
else require("./all.cjs");
