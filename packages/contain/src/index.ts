import { COMMANDS } from "./cli.ts";
import { containTool } from "./main.ts";

/** The fifth tool, with all its commands. */
export const contain = containTool(COMMANDS);
