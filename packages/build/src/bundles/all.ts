// The bundle with every command.
import { COMMANDS } from "../../../contain/src/cli.ts";
import { startProgram } from "../../../contain/src/program.ts";
import { toolsWith } from "../../../contain/src/tools.ts";

startProgram(toolsWith(COMMANDS));
