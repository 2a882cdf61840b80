// Runs a bundle from V8's code cache, since compiling is the longest part of a start. V8 rejects a cache of another version or of
// other flags, and compiles.
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");
const { bundleFor } = require("./bundles/which.cjs");

const [name] = (process.env.CONTAIN_LAUNCH ?? "").split(":", 1);
const wanted = bundleFor(name, process.argv.slice(2));
if (wanted === "version") require("./bundles/version.ts").tellVersion(name);
else {
  run(wanted);
  if (module.exports.more) run("oci");
}

function run(wanted) {
  const bundle = `${__dirname}/${wanted}`;
  let cachedData;
  try {
    cachedData = readFileSync(`${bundle}.cache`);
  } catch {
    // optional: the build makes it
  }
  const filename = `${bundle}.js`;
  const script = new Script(readFileSync(filename, "latin1"), { filename, cachedData }); // the bundle is ASCII
  script.runInThisContext()(exports, require, module, filename, __dirname);
}
