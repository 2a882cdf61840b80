export { nsexec } from "./main.ts";
export { passOn, watch } from "./parent.ts";
export type { Plan } from "./plan.ts";
export { type Spawned, spawn } from "./steps/child.ts";
export { waitUntilStarted } from "./steps/leave.ts";
export { inside } from "./steps/settings.ts";
