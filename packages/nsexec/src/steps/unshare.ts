import { CLONE_NEWNS, hideSecrets, unshare, unshareFs } from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import { flagsOf } from "../wanted.ts";
import { join, openTargets } from "./join.ts";
import { startKeeper } from "./persist.ts";
import { announce, inside } from "./settings.ts";

/** Does it all in this very process, for plans that need no child: same PID, no parent left behind. */
export function enterInPlace(plan: Plan): void {
  if (plan.target !== undefined) {
    const files = openTargets(plan);
    hideSecrets(plan.areas, "nsexec"); // whoever is there can look at us from here on
    if (flagsOf(plan.wanted) & CLONE_NEWNS) unshareFs(); // setns(2): the root and working directory must not be shared with a thread
    join(files);
  } else if (plan.wanted.length > 0) {
    const keeper = startKeeper(plan);
    announce(plan);
    unshare(flagsOf(plan.wanted));
    keeper();
  }
  inside(plan);
}
