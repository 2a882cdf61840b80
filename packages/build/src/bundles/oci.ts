// The bundle for `contain-oci`.
import { startOci } from "@contain-tools/oci";
import manifest from "../../../oci/package.json" with { type: "json" };

startOci(process.argv.slice(2), manifest.version);
