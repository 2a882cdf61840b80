// The bundle for a start that counts: the four tools and `contain run`.
import { runCommand } from "../commands/run.ts";
import { startProgram } from "../program.ts";

startProgram([runCommand]);
