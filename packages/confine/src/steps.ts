// Plan to kernel calls, in the one order in which each is still allowed: limits, bounding set, ids, the other sets, no_new_privs; the
// filter last of all.
import { becomeUser, chownTerminal, findUser, payload, prepareLimits } from "@contain-tools/chain";
import {
  capget,
  capset,
  codeOf,
  dropFromBoundingSet,
  installFilter,
  keepCapabilities,
  O_PATH,
  open,
  readBoundingSet,
  restrictFiles,
  setAmbient,
  setNoNewPrivileges,
  ToolError,
} from "@contain-tools/kernel";
import type { CapabilityPlan, Plan } from "./cli.ts";
import { installTraced } from "./watcher.ts";

/** Takes away what the plan says. @throws SyscallError, ToolError */
export function confineSelf(plan: Plan): void {
  const { capabilities, user, filter, next } = plan;
  if (plan.limits.length > 0) prepareLimits(plan.limits);
  const found = user === undefined ? undefined : findUser(user, payload.inside ?? "this host");
  if (capabilities !== undefined) lowerBoundingSet(capabilities); // needs CAP_SETPCAP, which goes with the ids
  if (found !== undefined) {
    if (payload.ownTerminal) chownTerminal(found);
    if (capabilities?.how === "caps") keepCapabilities();
    becomeUser(found);
  }
  if (capabilities !== undefined) lowerSets(capabilities);
  if (plan.noNewPrivileges) setNoNewPrivileges();
  const rules = plan.paths.map(({ path, writable }) => ({ fd: openAllowed(path), writable }));
  const install = () => {
    if (rules.length > 0) restrictFiles(rules);
    if (filter === undefined) return;
    const { program, flags, traced } = filter;
    if (traced === undefined) installFilter(program, flags);
    else installTraced(program, flags, traced);
  };
  if (next.kind === "program") payload.lastStep = install;
  else install(); // a next link of ours is confined as any other program would be
}

function openAllowed(path: string): number {
  try {
    return open(path, O_PATH);
  } catch (error) {
    throw new ToolError(`--landlock ${path}: cannot be opened: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
}

function lowerBoundingSet({ kept }: CapabilityPlan): void {
  const { set, count } = readBoundingSet();
  for (let capability = 0; capability < count; capability++) {
    const bit = 1n << BigInt(capability);
    if ((set & bit) !== 0n && (kept & bit) === 0n) dropFromBoundingSet(capability);
  }
}

/** Ambient first: it goes by itself with what leaves the permitted or the inheritable set, and comes only after these (capabilities(7)). */
function lowerSets({ kept, how }: CapabilityPlan): void {
  const { permitted, effective, inheritable } = capget();
  if (how !== "caps") {
    capset({ permitted: permitted & kept, effective: effective & kept, inheritable: how === "keep" ? 0n : inheritable & kept });
    return;
  }
  const { count } = readBoundingSet();
  const wanted = kept & ((1n << BigInt(count)) - 1n);
  capset({ permitted: wanted, effective: wanted, inheritable: wanted });
  for (let capability = 0; capability < count; capability++) if ((wanted >> BigInt(capability)) & 1n) setAmbient(capability, true);
}
