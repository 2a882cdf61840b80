// The bundle for `contain run`, a start that counts.
import { runCommand } from "../commands/run.ts";
import { startProgram } from "../program.ts";
import { toolsWith } from "../tools.ts";

startProgram(toolsWith([runCommand]));
