// `contain create`: the container's record, which `contain start` starts.
import type { Context } from "@contain-tools/chain";
import { exit, write, writeFile } from "@contain-tools/kernel";
import { inStateFolder, removeState } from "@contain-tools/state";
import { writeCidfile } from "./cidfile.ts";
import { claimUnstarted } from "./claim.ts";
import { profileOf } from "./kept.ts";
import type { RunPlan } from "./plan.ts";
import { run } from "./run.ts";

/** Prints the id and ends. @throws UsageError if the name is in use; ToolError */
export function create(context: Context, plan: RunPlan): never {
  if (plan.argvs !== undefined) return run(context, plan); // --print-chain
  const { id } = inStateFolder(() => claimUnstarted(plan));
  try {
    if (plan.profile !== undefined) writeFile(profileOf(id), plan.profile, 0o600);
    writeCidfile(plan);
  } catch (error) {
    removeState(id);
    throw error;
  }
  write(1, `${id}\n`);
  return exit(0);
}
