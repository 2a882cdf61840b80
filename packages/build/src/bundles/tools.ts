// The bundle for every program but `contain`.
import { startProgram } from "../../../contain/src/program.ts";
import { toolsWith } from "../../../contain/src/tools.ts";

startProgram(toolsWith([]));
