// Runs a bundle of the five tools out of V8's code cache: compiling it takes longer than anything else at a start. V8 itself refuses
// a cache of another version or of other flags, and compiles. `contain run` and the four tools are in a small bundle of their own.
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const [, name, , ...words] = process.argv.slice(2);
const chain = name === "contain" ? words[0] === "run" : !words.includes("contain");
const bundle = `${__dirname}/${chain ? "chain" : "all"}`;
let cachedData;
try {
  cachedData = readFileSync(`${bundle}.cache`);
} catch {
  // made by the build; it does without
}
const filename = `${bundle}.js`;
const script = new Script(readFileSync(filename, "latin1"), { filename, cachedData }); // the bundle is ASCII
script.runInThisContext()(exports, require, module, filename, __dirname);
