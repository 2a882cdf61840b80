// The health of a container (--health-cmd): its supervisor starts a check, waits for it or kills it, and notes the result.
import type { Context } from "@contain-tools/chain";
import { isFrozen, monotonic, POLLIN, type Source, setTimer, takeTicks, timerfd } from "@contain-tools/kernel";
import { type Health, identify, noteEvent, type State, writeHealth } from "@contain-tools/state";
import { memberOf } from "../commands/container.ts";
import { type Check, startCheck } from "./healthcheck.ts";
import type { HealthPlan } from "./healthoptions.ts";
import { joinArgv } from "./join.ts";
import type { RunPlan } from "./plan.ts";

type Checked = Pick<RunPlan, "id" | "link" | "env">;

/** @param first PID 1 of the container, on the host. @param sources gets the descriptors to poll */
export function watchHealth(
  context: Context,
  { id, link, env }: Checked,
  plan: HealthPlan,
  state: State,
  first: () => number,
  sources: Source[],
): void {
  const begun = monotonic();
  const timer = timerfd(plan.interval);
  let health: Health = { status: "starting", failingStreak: 0 };
  let check: Check | undefined;
  const note = (exit: number, start: number, output: string) => {
    check = undefined;
    const early = exit !== 0 && health.status === "starting" && monotonic() - begun < plan.startPeriod;
    const failingStreak = exit === 0 || early ? 0 : health.failingStreak + 1;
    const status = exit === 0 ? "healthy" : failingStreak >= plan.retries ? "unhealthy" : health.status;
    if (status !== health.status) noteEvent(id, `health_status: ${status}`);
    const times = { start: new Date(start).toISOString(), end: new Date().toISOString() };
    health = { status, failingStreak, last: { ...times, exit, output } };
    keep(id, health);
    setTimer(timer, plan.interval);
  };
  const begin = () => {
    const start = Date.now();
    const init = identify(first());
    if (init === undefined) return;
    try {
      const joining = { user: undefined, directory: undefined, env, job: "--own-group" };
      const joiner = link(joinArgv(state, memberOf(init), joining, ["/bin/sh", "-c", plan.command]));
      setTimer(timer, plan.timeout);
      check = startCheck(context, joiner, sources, (exit, output) => {
        const late = check?.killed ? `killed: it took longer than ${plan.timeout} ms\n` : "";
        note(check?.killed ? -1 : exit, start, `${late}${output}`);
      });
    } catch (error) {
      note(-1, start, `${error instanceof Error ? error.message : error}\n`); // PID 1 is ending, or the host lacks some resource
    }
  };
  keep(id, health);
  sources.push({
    fd: timer,
    wants: () => POLLIN,
    ready: () => {
      takeTicks(timer);
      if (check !== undefined) check.kill();
      else if (state.group === undefined || !isFrozen(state.group)) begin(); // a process born in a frozen group would hang, and we with it
    },
  });
}

/** A full or removed folder stops no container. */
function keep(id: string, health: Health): void {
  try {
    writeHealth(id, health);
  } catch {
    // the next check tries again
  }
}
