// The bundle for `contain run`, and for the commands that hurry to a container that runs.
import { exec } from "../commands/exec.ts";
import { runCommand } from "../commands/run.ts";
import { kill, stop } from "../commands/signal.ts";
import { startProgram } from "../program.ts";
import { toolsWith } from "../tools.ts";

startProgram(toolsWith([runCommand, exec, stop, kill]));
