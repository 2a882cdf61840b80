// The tools of the chains that are composed here.
import { cgset } from "@contain-tools/cgset";
import { type Link, planChain, type Tool } from "@contain-tools/chain";
import { confine } from "@contain-tools/confine";
import { hold } from "@contain-tools/hold";
import { type Plan as NsexecPlan, nsexec } from "@contain-tools/nsexec";
import { pivot } from "@contain-tools/pivot";

const TOOLS = [nsexec, cgset, pivot, hold, confine] as unknown as readonly Tool[];

/** A link whose plan is of a known tool. */
export interface TypedLink<Plan> extends Link {
  readonly plan: Plan;
}

/** Reads an argv down to its program. Nothing is changed. @throws UsageError, ToolError */
export const planOf = <Plan>([name = "", ...words]: readonly string[]): TypedLink<Plan> => planChain(TOOLS, name, words) as TypedLink<Plan>;

export type { NsexecPlan };
