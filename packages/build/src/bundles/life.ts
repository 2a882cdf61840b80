// The bundle for the commands of `contain-oci` that engines call again and again: it loads nothing but node:fs.

import manifest from "../../../oci/package.json" with { type: "json" };
import { startLife } from "../../../oci/src/life.ts";

/** The bundle `oci` must begin again. */
export const more = startLife(process.argv.slice(2), manifest.version);
