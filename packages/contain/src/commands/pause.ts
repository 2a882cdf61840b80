// `contain pause` and `contain unpause`: the cgroup freezer (cgroup.freeze, cgroup-v2.rst).
import { join } from "node:path";
import { withCommon } from "@contain-tools/chain";
import { cgroupField, ToolError, waitForField, writeKernelFile } from "@contain-tools/kernel";
import { noteEvent } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { checkRunning, endAfterEach, groupOf, readContainers } from "./container.ts";

const FREEZE_TIMEOUT = 5000; // milliseconds

const freezer = (name: string, value: 0 | 1, description: string) =>
  subcommand({
    name,
    description,
    usage: "ID…",
    options: withCommon({}),
    plan(given) {
      const containers = readContainers(given.rest).map((state) => ({ ...state, group: groupOf(checkRunning(state)) }));
      return () =>
        endAfterEach(containers, ({ id, group }) => {
          freeze(group, value);
          noteEvent(id, name);
        });
    },
  });

export const pause = freezer("pause", 1, "Freeze every process of a container");
export const unpause = freezer("unpause", 0, "Let a frozen container go on");

/** Returns when all are frozen or thawed: the kernel freezes each process at its next return to user space. */
function freeze(group: string, value: 0 | 1): void {
  writeKernelFile(join(group, "cgroup.freeze"), `${value}`);
  if (waitForField(group, "cgroup.events", "frozen", value, FREEZE_TIMEOUT)) return;
  if (cgroupField(group, "cgroup.events", "populated") !== 1) throw new ToolError("the container has ended");
  throw new ToolError(
    `${group} is not ${value ? "frozen" : "thawed"} yet`,
    value ? "a process is in an uninterruptible system call (state D); it freezes when the call returns" : "a group above it is frozen",
  );
}
