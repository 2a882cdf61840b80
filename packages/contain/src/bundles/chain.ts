// The bundle for `contain run`, a start that counts.
import { runCommand } from "../commands/run.ts";
import { containTool } from "../main.ts";
import { startProgram } from "../program.ts";
import { TOOLS } from "../tools.ts";

startProgram([...TOOLS, containTool([runCommand])]);
