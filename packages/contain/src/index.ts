import { COMMANDS } from "./cli.ts";
import { containTool } from "./main.ts";

/** `contain` with all its commands. */
export const contain = containTool(COMMANDS);
