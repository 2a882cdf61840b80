// --ulimit: resource limits of the program.

import { getLimit, type Limit, quote, RESOURCES, type Resource, RLIM_INFINITY, setLimit, UsageError } from "@contain-tools/kernel";
import type { Context } from "./context.ts";

const MAX_LIMIT = 2n ** 63n - 1n;

/** Reads `NAME=SOFT[:HARD]` in the units of getrlimit(2); -1 and `unlimited` lift a limit; the last of a name counts. @throws UsageError */
export function readUlimits(words: readonly string[]): Limit[] {
  const limits = words.map(readUlimit);
  return limits.filter(({ resource }, i) => !limits.some((later, j) => j > i && later.resource === resource));
}

function readUlimit(text: string): Limit {
  const [, name = "", softWord = "", hardWord = softWord] = /^([^=]*)=([^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (!Object.hasOwn(RESOURCES, name)) {
    throw new UsageError(`--ulimit ${quote(text)}: must be NAME=SOFT[:HARD]`, `the names are ${Object.keys(RESOURCES).join(", ")}`);
  }
  const number = (word: string) => {
    if (word === "-1" || word === "unlimited") return RLIM_INFINITY;
    if (/^\d+$/.test(word) && BigInt(word) <= MAX_LIMIT) return BigInt(word);
    throw new UsageError(
      `--ulimit ${text}: ${quote(word)} is not a number`,
      "bytes, seconds or a count (getrlimit(2)); -1 or unlimited for none",
    );
  };
  const limit = { resource: name as Resource, soft: number(softWord), hard: number(hardWord) };
  if (limit.soft > limit.hard) throw new UsageError(`--ulimit ${text}: the soft limit is above the hard one`);
  return limit;
}

/** Reads `RLIMIT_NAME=SOFT:HARD`, each name at most once. @throws UsageError */
export function readRlimits(words: readonly string[]): Limit[] {
  const limits = words.map((text) => {
    const [, name = "", soft = "", hard = ""] = /^RLIMIT_([A-Z]+)=(\d+|unlimited):(\d+|unlimited)$/.exec(text) ?? [];
    const resource = name.toLowerCase();
    if (!Object.hasOwn(RESOURCES, resource))
      throw new UsageError(
        `--rlimit ${quote(text)} is not a limit`,
        `RLIMIT_NAME=SOFT:HARD, numbers or unlimited; the names are ${Object.keys(RESOURCES).join(", ").toUpperCase()} (getrlimit(2))`,
      );
    const number = (word: string) => (word === "unlimited" ? RLIM_INFINITY : BigInt(word));
    const limit = { resource: resource as Resource, soft: number(soft), hard: number(hard) };
    if (limit.hard > RLIM_INFINITY) throw new UsageError(`--rlimit ${text}: the number is too large`);
    if (limit.soft > limit.hard) throw new UsageError(`--rlimit ${text}: the soft limit is above the hard one`);
    return limit;
  });
  const twice = limits.find(({ resource }, i) => limits.findIndex((other) => other.resource === resource) !== i);
  if (twice !== undefined) throw new UsageError(`--rlimit RLIMIT_${twice.resource.toUpperCase()} was given twice`);
  return limits;
}

/**
 * The program gets them when it starts. Raising a hard limit needs privilege, so it is done now, before the ids change; lowering one could
 * stop this runtime, so it waits until then.
 */
export function prepareLimits(context: Context, limits: readonly Limit[]): void {
  for (const limit of limits) {
    const now = getLimit(limit.resource);
    if (limit.hard > now.hard) setLimit({ ...now, hard: limit.hard });
  }
  context.limits = [...context.limits.filter(({ resource }) => !limits.some((limit) => limit.resource === resource)), ...limits];
  if (limits.some(({ resource }) => resource === "nofile")) context.launch = { ...context.launch, softFileLimit: undefined };
}
