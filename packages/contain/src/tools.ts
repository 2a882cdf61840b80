// The tools that a chain may name, besides `contain`.
import { cgset } from "@contain-tools/cgset";
import { confine } from "@contain-tools/confine";
import { nsexec } from "@contain-tools/nsexec";
import { pid1 } from "@contain-tools/pid1";
import { pivot } from "@contain-tools/pivot";
import { veth } from "@contain-tools/veth";

export const TOOLS = [nsexec, cgset, pivot, pid1, confine, veth];
