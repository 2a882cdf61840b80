// The bundle for `contain run --bundle` and `--print-config`, which alone knows OCI configurations, and for `start` and `restart` of what they made.
import { restartCommandWith } from "../../../contain/src/commands/restart.ts";
import { type Compose, compose, runCommands } from "../../../contain/src/commands/run.ts";
import { startCommandWith } from "../../../contain/src/commands/start.ts";
import { startProgram } from "../../../contain/src/program.ts";
import { composeBundle } from "../../../contain/src/run/bundle.ts";
import { printConfig } from "../../../contain/src/run/printconfig.ts";
import { toolsWith } from "../../../contain/src/tools.ts";
import { readBundle } from "../../../oci/src/compose/supervised.ts";
import { configOf } from "../../../oci/src/config/configof.ts";

const either: Compose = (given, chain, again) =>
  given.has("bundle") ? composeBundle(given, chain, readBundle, again) : compose(given, chain, again);
const runs = runCommands(either, (given, chain) => printConfig(given, chain, configOf));

startProgram(toolsWith([...runs, startCommandWith(either), restartCommandWith(either)]));
