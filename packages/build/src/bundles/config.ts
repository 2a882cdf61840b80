// The bundle for `contain run --bundle` and `--print-config`, which alone knows OCI configurations.
import { runCommandWith } from "../../../contain/src/commands/run.ts";
import { startProgram } from "../../../contain/src/program.ts";
import { composeBundle } from "../../../contain/src/run/bundle.ts";
import { printConfig } from "../../../contain/src/run/printconfig.ts";
import { toolsWith } from "../../../contain/src/tools.ts";
import { readBundle } from "../../../oci/src/compose/supervised.ts";
import { configOf } from "../../../oci/src/config/configof.ts";

startProgram(
  toolsWith([
    runCommandWith({
      composeBundle: (given, chain) => composeBundle(given, chain, readBundle),
      printConfig: (given, chain) => printConfig(given, chain, configOf),
    }),
  ]),
);
