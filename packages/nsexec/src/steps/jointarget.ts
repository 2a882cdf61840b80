// A child in the namespaces of another process.
import { closeSync, writeSync } from "node:fs";
import { CLONE_NEWPID, CLONE_PARENT, clone3, exit, hideSecrets, pipe, readToEnd, shellStatus, waitpid } from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import { flagsOf } from "../wanted.ts";
import type { Made } from "./between.ts";
import { cloneIntoCgroup, putIntoGroup } from "./intocgroup.ts";
import { join, openTargets } from "./join.ts";

/**
 * To join a PID namespace two are needed: the first one joins, and its own child,
 * which alone is in that PID namespace, is made with CLONE_PARENT and so becomes ours. The first one is single-threaded,
 * which setns(2) asks for with user and time namespaces.
 */
export function joinTarget(plan: Plan, cgroup: number | undefined, child: () => never): number {
  const files = openTargets(plan);
  const bits = flagsOf(plan.wanted);
  if (!(bits & CLONE_NEWPID)) {
    const made = cloneIntoCgroup(0, cgroup, () => {
      hideSecrets(plan.areas, "nsexec");
      join(files);
      return child();
    });
    putIntoGroup(made, plan.intoCgroup);
    return made.pid;
  }
  const answer = pipe();
  const first = clone3({ flags: 0 }, () => {
    hideSecrets(plan.areas, "nsexec"); // the container's processes can look at us from here on
    join(files);
    const body = () => {
      closeSync(answer.read);
      closeSync(answer.write); // the answer ends when its writers are gone
      return child();
    };
    writeSync(answer.write, JSON.stringify(cloneIntoCgroup(CLONE_PARENT, cgroup, body, "EACCES")));
    exit(0);
  });
  closeSync(answer.write);
  const text = readToEnd(answer.read);
  closeSync(answer.read);
  const status = shellStatus(waitpid(first, 0)?.status ?? 0);
  if (status !== 0 || text === "") exit(status || 125); // it has explained itself
  const made = JSON.parse(text) as Made;
  putIntoGroup(made, plan.intoCgroup);
  return made.pid;
}
