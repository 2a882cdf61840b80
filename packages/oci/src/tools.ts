// The tools of the chains that are composed here.
import { cgset } from "@contain-tools/cgset";
import { type Context, type Link, planTool, type Tool, type ToolPlan } from "@contain-tools/chain";
import { confine } from "@contain-tools/confine";
import { hold } from "@contain-tools/hold";
import { type Plan as NsexecPlan, nsexec } from "@contain-tools/nsexec";
import { pivot } from "@contain-tools/pivot";

const TOOLS: readonly Tool[] = [nsexec, cgset, pivot, hold, confine];

/** Plans an argv, down to its program. Nothing is changed. @throws UsageError, ToolError */
export const planOf = <Plan extends ToolPlan>(context: Context, tool: Tool<Plan>, [, ...words]: readonly string[]): Link<Plan> =>
  planTool(context, TOOLS, tool, words);

export type { NsexecPlan };
