// The bundle with every command.
import { COMMANDS } from "../cli.ts";
import { startProgram } from "../program.ts";
import { toolsWith } from "../tools.ts";

startProgram(toolsWith(COMMANDS));
