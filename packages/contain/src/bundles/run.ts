// The bundle for `contain run`, and for the commands that hurry to a container that runs.
import { exec } from "../commands/exec.ts";
import { kill } from "../commands/kill.ts";
import { runCommand } from "../commands/run.ts";
import { stop } from "../commands/stop.ts";
import { startProgram } from "../program.ts";
import { toolsWith } from "../tools.ts";

startProgram(toolsWith([runCommand, exec, stop, kill]));
