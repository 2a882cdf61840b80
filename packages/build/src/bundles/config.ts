// The bundle for `contain run --bundle`, which alone reads OCI configurations.
import { runCommandWith } from "../../../contain/src/commands/run.ts";
import { startProgram } from "../../../contain/src/program.ts";
import { composeBundle } from "../../../contain/src/run/bundle.ts";
import { toolsWith } from "../../../contain/src/tools.ts";
import { readBundle } from "../../../oci/src/compose/supervised.ts";

startProgram(toolsWith([runCommandWith((given, chain) => composeBundle(given, chain, readBundle))]));
