// The first lines of the native program, which has every bundle in it: only the one that is needed is evaluated, as in loader.cjs.
require("./arrays.cjs");
const { bundleFor } = require("./which.cjs");

const bundle = bundleFor(process.argv0, process.argv.slice(2));
if (bundle === "nsexec") require("./nsexec.cjs");
else if (bundle === "tools") require("./tools.cjs");
else if (bundle === "exec") require("./exec.cjs");
else if (bundle === "explain") require("./explain.cjs");
else if (bundle === "chain") require("./chain.cjs");
else require("./all.cjs");
