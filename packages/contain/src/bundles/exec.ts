// The bundle for the commands that hurry to a container that runs: `contain exec`, `stop` and `kill`.
import { exec } from "../commands/exec.ts";
import { kill } from "../commands/kill.ts";
import { stop } from "../commands/stop.ts";
import { startProgram } from "../program.ts";
import { toolsWith } from "../tools.ts";

startProgram(toolsWith([exec, stop, kill]));
