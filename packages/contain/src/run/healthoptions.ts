// --health-cmd and its options: words to a plan.
import type { OptionTable, Values } from "@contain-tools/chain";
import { parseCount, parseTime, UsageError } from "@contain-tools/kernel";

export const healthOptions = {
  "health-cmd": { type: "string", valueHint: "CMD", description: "check its health by this shell command inside: 0 is healthy" },
  "health-interval": { type: "string", valueHint: "TIME", description: "from the end of a check to the next one (30s)" },
  "health-timeout": { type: "string", valueHint: "TIME", description: "a check that takes longer is killed, and has failed (30s)" },
  "health-retries": { type: "string", valueHint: "N", description: "unhealthy after N failures in a row (3)" },
  "health-start-period": { type: "string", valueHint: "TIME", description: "failures in its first TIME do not count (0s)" },
} as const satisfies OptionTable;

/** Times in milliseconds. */
export interface HealthPlan {
  readonly command: string;
  readonly interval: number;
  readonly timeout: number;
  readonly retries: number;
  readonly startPeriod: number;
}

/** undefined without --health-cmd. @throws UsageError */
export function readHealthPlan(given: Values<keyof typeof healthOptions>): HealthPlan | undefined {
  const command = given.value("health-cmd");
  if (command === undefined) {
    const extra = (Object.keys(healthOptions) as (keyof typeof healthOptions)[]).find((name) => given.has(name));
    if (extra !== undefined) throw new UsageError(`--${extra} needs --health-cmd`);
    return undefined;
  }
  const time = (name: "health-interval" | "health-timeout" | "health-start-period", usual: number) => {
    const text = given.value(name);
    const milliseconds = text === undefined ? usual : parseTime(`--${name}`, text);
    if (milliseconds === 0 && name !== "health-start-period") throw new UsageError(`--${name} ${text}: must be more than 0`);
    return milliseconds;
  };
  return {
    command,
    interval: time("health-interval", 30_000),
    timeout: time("health-timeout", 30_000),
    retries: parseCount("--health-retries", given.value("health-retries") ?? "3", 1, 1000),
    startPeriod: time("health-start-period", 0),
  };
}
