// The bundle for `contain explain`, which somebody waits for at three in the morning.
import { explain } from "../commands/explain.ts";
import { containTool } from "../main.ts";
import { startProgram } from "../program.ts";

startProgram([containTool([explain])]);
