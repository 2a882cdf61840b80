// The bundle for every program but `contain`.
import { startProgram } from "../program.ts";
import { toolsWith } from "../tools.ts";

startProgram(toolsWith([]));
