export { nsexec } from "./main.ts";
export { inside, spawn, type Spawned } from "./steps.ts";
export { reachedTheGroup, watch, type Watch } from "./parent.ts";
export type { Plan as NsexecPlan } from "./cli.ts";
