// The tools that a chain may name.
import { cgset } from "@contain-tools/cgset";
import { confine } from "@contain-tools/confine";
import { hold } from "@contain-tools/hold";
import { nsexec } from "@contain-tools/nsexec";
import { pid1 } from "@contain-tools/pid1";
import { pivot } from "@contain-tools/pivot";
import { veth } from "@contain-tools/veth";
import type { Subcommand } from "./command.ts";
import { containTool } from "./main.ts";

/** All of them; `contain` has these commands. */
export const toolsWith = (commands: readonly Subcommand[]) => [nsexec, cgset, pivot, pid1, confine, hold, veth, containTool(commands)];
