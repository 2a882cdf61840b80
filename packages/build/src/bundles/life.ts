// The bundle for the commands of `contain-oci` that engines call again and again: it loads nothing but node:fs.
import { startLife } from "@contain-tools/oci/life";
import manifest from "../../../oci/package.json" with { type: "json" };

startLife(process.argv.slice(2), manifest.version);
