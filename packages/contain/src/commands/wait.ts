// `contain wait`: waits for the end of a detached container.
import { writeSync } from "node:fs";
import { type Options, warn, withCommon } from "@contain-tools/chain";
import { verdictLines } from "@contain-tools/explain";
import { exit, hasEnded, POLLIN, pollOnce, ToolError, UsageError } from "@contain-tools/kernel";
import type { State } from "@contain-tools/state";
import { endOf, readHealth, readState, statusOf, supervisorEnd } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { describeNotRunning, endAfterEach, readContainers } from "./container.ts";

/** A container that was started with --detach. @throws UsageError for another one */
export function checkDetached(state: State, what: string): State {
  if (statusOf(state) === "created") throw new UsageError(...describeNotRunning(state));
  if (!state.detached) throw new UsageError(`${state.id} was not detached: ${what} the process that started it`);
  return state;
}

const waitOptions = withCommon({
  health: {
    type: "boolean",
    description: "wait until a check has found them healthy instead: 0, or 1 where one is unhealthy or has ended",
  },
});

function checkHealthIsChecked(state: State): void {
  if (statusOf(state) === "created") throw new UsageError(...describeNotRunning(state));
  if (readHealth(state.id) !== undefined || statusOf(state) === "starting") return;
  throw new UsageError(`${state.id}: its health is not checked`, "contain run --health-cmd CMD");
}

const LOOK = 100; // milliseconds

function waitForHealth(state: State): void {
  const pidfd = supervisorEnd(state);
  for (;;) {
    const health = readHealth(state.id);
    if (pidfd === undefined || hasEnded(pidfd)) throw new ToolError(`${state.id} has ended`, undefined, 1);
    if (health === undefined) checkHealthIsChecked(readState(state.id) ?? state); // it was starting before
    if (health?.status === "healthy") return;
    if (health?.status === "unhealthy") throw new ToolError(`${state.id} is unhealthy`, health.last?.output.trimEnd() || undefined, 1);
    pollOnce(pidfd, POLLIN, LOOK);
  }
}

export const wait = subcommand({
  name: "wait",
  description: "Wait for the end of detached containers, print their exit statuses and exit with the last",
  usage: "ID…",
  options: waitOptions,
  plan(given: Options<"health">) {
    if (given.has("health")) {
      const checked = readContainers(given.rest);
      for (const state of checked) checkHealthIsChecked(state);
      return () => endAfterEach(checked, waitForHealth);
    }
    const states = readContainers(given.rest).map((state) => checkDetached(state, "its status goes to"));
    return () => {
      let last = 0;
      for (const state of states) {
        const { status, verdict } = endOf(state);
        writeSync(1, `${status}\n`);
        for (const line of verdictLines(verdict)) warn(line);
        last = status;
      }
      return exit(last);
    };
  },
});
