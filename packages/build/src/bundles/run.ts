// The bundle for `contain run`, and for the commands that must start fast.
import { exec } from "../../../contain/src/commands/exec.ts";
import { kill } from "../../../contain/src/commands/kill.ts";
import { createCommand, runCommand } from "../../../contain/src/commands/run.ts";
import { stop } from "../../../contain/src/commands/stop.ts";
import { startProgram } from "../../../contain/src/program.ts";
import { toolsWith } from "../../../contain/src/tools.ts";

startProgram(toolsWith([runCommand, createCommand, exec, stop, kill]));
