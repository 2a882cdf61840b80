/**
 * Control groups, version 2: where they are, groups and their controllers, and their end.
 *
 * ```ts
 * import { spawn } from "node:child_process";
 * import { writeFileSync } from "node:fs";
 * import { cgroupOf, findHierarchy, groupDirectory, groupProcesses, killGroup, makeGroup, removeGroup } from "@contain-tools/kernel/cgroup";
 *
 * const group = `${groupDirectory(findHierarchy(), cgroupOf("self"))}/example-${process.pid}`;
 * makeGroup(group);
 * const sleeper = spawn("sleep", ["60"]);
 * writeFileSync(`${group}/cgroup.procs`, `${sleeper.pid}`);
 * console.log(groupProcesses(group).length); // 1
 * killGroup(group);
 * removeGroup(group, 5000); // waits until it is empty, at most five seconds
 * sleeper.on("exit", (_, signal) => console.log(signal)); // SIGKILL
 * ```
 *
 * @packageDocumentation
 */
export {
  availableControllers,
  cgroupField,
  cgroupOf,
  findHierarchy,
  groupDirectory,
  groupProcesses,
  type Hierarchy,
  isFrozen,
  makeGroup,
  openGroup,
} from "../cgroup/cgroup.ts";
export { controllerOnV1, enableControllers, groupType } from "../cgroup/controllers.ts";
export { childGroups, killGroup, removeGroup, waitUntilEmpty } from "../cgroup/groupend.ts";
