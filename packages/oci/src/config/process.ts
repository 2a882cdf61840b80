// The program's identity and privileges: process.
import { type Context, findUser } from "@contain-tools/chain";
import type { Plan as ConfinePlan } from "@contain-tools/confine";
import { CAPABILITIES, close, openDirectory, readBoundingSet } from "@contain-tools/kernel";
import type { Plan as PivotPlan } from "@contain-tools/pivot";

/** All of `process` except its args and its terminal. @throws ToolError for a name that the root does not have */
export function processOf(context: Context, pivot: PivotPlan, confine: ConfinePlan | undefined, isNewUser: boolean) {
  const user = userOf(pivot, confine);
  const env = environmentOf(context, pivot);
  if (user !== undefined) env["HOME"] ||= user.home;
  const { set, count } = readBoundingSet();
  const bounding = namesOf((isNewUser ? (1n << BigInt(count)) - 1n : set) & (confine?.capabilities?.kept ?? ~0n));
  const held = (user?.uid ?? 0) === 0 ? bounding : []; // they go with user id 0
  const limits = [...pivot.limits, ...(confine?.limits ?? [])];
  return {
    user: {
      ...{ uid: user?.uid ?? 0, gid: user?.gid ?? 0 },
      ...(user === undefined ? {} : { additionalGids: user.groups }),
      ...(confine?.umask === undefined ? {} : { umask: confine.umask }),
    },
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    cwd: pivot.cwd,
    capabilities: { bounding, permitted: held, effective: held },
    noNewPrivileges: confine?.noNewPrivileges ?? false,
    ...(confine?.oomScoreAdj === undefined ? {} : { oomScoreAdj: confine.oomScoreAdj }),
    ...(limits.length === 0
      ? {}
      : { rlimits: limits.map(({ resource, soft, hard }) => ({ type: `RLIMIT_${resource.toUpperCase()}`, soft, hard })) }),
  };
}

const namesOf = (set: bigint) => CAPABILITIES.filter((_, number) => (set >> BigInt(number)) & 1n);

/** Names are looked up in the root, as they would be inside. */
function userOf({ user: first, rootfs }: PivotPlan, confine: ConfinePlan | undefined) {
  const words = confine?.user ?? first;
  if (words === undefined) return undefined;
  const top = openDirectory(rootfs);
  const user = findUser(words, `the rootfs ${rootfs}`, top);
  close(top);
  return user;
}

function environmentOf({ env: callers }: Context, { clearEnv, env: wanted }: PivotPlan): Record<string, string> {
  const env: Record<string, string> = clearEnv ? {} : { ...callers };
  for (const variable of wanted) {
    if ("file" in variable) continue; // only if an earlier link moved the paths
    const { name, value = callers[name] } = variable;
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  return env;
}
