// Waits for the end of a container, in a process other than its supervisor.

import { POLLIN, pollOnce, ToolError } from "@contain-tools/kernel";
import type { Ended } from "./ended.ts";
import { openProcess } from "./processid.ts";
import { readState } from "./state.ts";
import type { State } from "./statefile.ts";

/** A descriptor that becomes readable when the supervisor has ended; undefined if it has already. */
export const supervisorEnd = ({ supervisor }: State): number | undefined => openProcess(supervisor);

/** Waits until the supervisor has cleaned up. Returns how the container ended; undefined if the state is gone. */
export function waitForEnd(state: State): Ended | undefined {
  const pidfd = supervisorEnd(state);
  while (pidfd !== undefined && !pollOnce(pidfd, POLLIN, -1)) {
    // poll(2) says POLLIN when the process has ended
  }
  return readState(state.id)?.ended;
}

/** The same. @throws ToolError if the exit status is unknown */
export function endOf(state: State): Ended {
  const ended = waitForEnd(state);
  if (ended === undefined) {
    throw new ToolError(
      `${state.id}: unknown exit status`,
      readState(state.id) === undefined
        ? "its state was removed"
        : "its supervisor was killed, and the container with it; `contain gc` cleans up",
    );
  }
  return ended;
}
