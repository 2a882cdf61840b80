import type { Context } from "@contain-tools/chain";
import { hideSecrets, unshare, unshareFs } from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import { flagsOf, joinsMounts } from "../wanted.ts";
import { join, openTargets } from "./join.ts";
import { startKeeper } from "./persist.ts";
import { announce, inside } from "./settings.ts";

/** Does everything in this process, for plans that need no child: same PID, no parent left behind. */
export function enterInPlace(context: Context, plan: Plan): void {
  const keeper = startKeeper(context, plan);
  if (plan.joined.length > 0 || plan.netSocket !== undefined) {
    const files = openTargets(plan);
    hideSecrets(plan.areas, "nsexec"); // from here on its processes can look at us
    if (joinsMounts(plan)) unshareFs(); // setns(2): the root and working directory must not be shared with a thread
    join(files);
  }
  if (plan.wanted.length > 0) {
    announce(context, plan);
    unshare(flagsOf(plan.wanted));
    keeper();
  }
  inside(context, plan);
}
