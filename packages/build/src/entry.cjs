// Entry of the native program. It contains every bundle and evaluates only the one it needs, as loader.cjs does.
const { bundleFor } = require("./which.cjs");

const { argv, argv0 } = process;
let name = argv0.slice(argv0.lastIndexOf("/") + 1);
if (name === "contain-tools") [name] = (process.env.CONTAIN_LAUNCH ?? "").split(":", 1); // an npm package has no links by the tools' names
const bundle = bundleFor(name, argv.slice(2));
if (bundle === "version") require("./version.cjs").tellVersion(name);
else if (bundle === "tools") require("./tools.cjs");
else if (bundle === "run") require("./run.cjs");
else if (bundle === "oci") require("./oci.cjs");
else if (bundle === "config") require("./config.cjs");
else if (bundle === "life") {
  if (require("./life.cjs").more) require("./oci.cjs");
} else require("./all.cjs");
