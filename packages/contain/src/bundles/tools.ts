// The bundle for every program but `contain`.
import { containTool } from "../main.ts";
import { startProgram } from "../program.ts";
import { TOOLS } from "../tools.ts";

startProgram([...TOOLS, containTool([])]);
