// Plan to kernel calls, in the one order in which each is still allowed: what only root may set, bounding set, ids, the other sets,
// no_new_privs; the filter last of all.
import { becomeUser, type Context, chownTerminal, findUser, type Identity, prepareLimits, warn } from "@contain-tools/chain";
import {
  codeOf,
  failedWith,
  installFilter,
  keepCapabilities,
  O_PATH,
  open,
  readIfThere,
  restrictFiles,
  SyscallError,
  setNoNewPrivileges,
  ToolError,
  writeOwnProc,
} from "@contain-tools/kernel";
import { lowerBoundingSet, lowerSets, setExactly } from "./capabilitysteps.ts";
import { setLabels } from "./labels.ts";
import { installForListener } from "./listener.ts";
import type { FilterPlan, Plan } from "./plan.ts";
import { installTraced } from "./watcher.ts";

/** Takes away what the plan says. @throws SyscallError, ToolError */
export function confineSelf(context: Context, plan: Plan): void {
  const { capabilities, sets, filter, next } = plan;
  for (const remark of plan.remarks) warn(remark);
  if (plan.oomScoreAdj !== undefined) setOomScoreAdj(plan.oomScoreAdj);
  for (const set of plan.attributes) set();
  setLabels(plan.labels);
  if (plan.limits.length > 0) prepareLimits(context, plan.limits);
  const user = findIdentity(context, plan);
  const bounding = sets === undefined ? capabilities?.kept : sets.bounding;
  if (bounding !== undefined) lowerBoundingSet(bounding);
  if (user !== undefined) {
    if (context.ownTerminal) chownTerminal(user);
    if (sets !== undefined || capabilities?.how === "caps") keepCapabilities();
    becomeUser(context, user);
  }
  if (capabilities !== undefined) lowerSets(capabilities);
  const finish = sets === undefined ? () => {} : setExactly(sets, filter?.privileged === true);
  if (plan.umask !== undefined) process.umask(plan.umask);
  if (plan.noNewPrivileges) setNoNewPrivileges();
  const rules = plan.paths.map(({ path, writable }) => ({ fd: openAllowed(path), writable }));
  const install = () => {
    if (rules.length > 0) restrictFiles(rules);
    if (filter !== undefined) load(context, filter);
    finish();
  };
  if (next.kind === "program") context.lastStep = install;
  else install(); // the next link, if ours, is confined like any other program
}

function findIdentity(context: Context, { user, groups }: Plan): Identity | undefined {
  if (user === undefined) return undefined;
  const found = findUser(user, context.inside ?? "this host");
  return groups === undefined ? found : { ...found, groups };
}

function load(context: Context, { program, flags, listener, traced, privileged }: FilterPlan): void {
  try {
    if (traced !== undefined) installTraced(context, program, flags, traced);
    else if (listener !== undefined) installForListener(context, program, flags, listener);
    else installFilter(program, flags);
  } catch (error) {
    if (!privileged || !failedWith(error, "EACCES")) throw error;
    throw new ToolError(
      `--allow-new-privs: ${error.message}`,
      "without no_new_privs only a process with CAP_SYS_ADMIN may load a filter (seccomp(2))",
      125,
      { cause: error },
    );
  }
}

/** Lowering it needs CAP_SYS_RESOURCE (proc_pid_oom_score_adj(5)). */
function setOomScoreAdj(value: number): void {
  if (readIfThere("/proc/self/oom_score_adj")?.trim() === `${value}`) return;
  try {
    writeOwnProc("oom_score_adj", `${value}`);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const hint = ["EACCES", "EPERM"].includes(error.code)
      ? "only a process with CAP_SYS_RESOURCE may lower it below what it was given (proc_pid_oom_score_adj(5))"
      : error.hint;
    throw new ToolError(`--oom-score-adj ${value}: ${error.message}`, hint, 125, { cause: error });
  }
}

function openAllowed(path: string): number {
  try {
    return open(path, O_PATH);
  } catch (error) {
    throw new ToolError(`--landlock ${path}: cannot be opened: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
}
