// The bundle with every command.
import { COMMANDS } from "../cli.ts";
import { containTool } from "../main.ts";
import { startProgram } from "../program.ts";
import { TOOLS } from "../tools.ts";

startProgram([...TOOLS, containTool(COMMANDS)]);
