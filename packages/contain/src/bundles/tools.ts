// The bundle for every program but `contain`.
import { startProgram } from "../program.ts";

startProgram([]);
