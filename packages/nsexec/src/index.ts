export type { Plan as NsexecPlan } from "./cli.ts";
export { nsexec } from "./main.ts";
export { type Watch, watch } from "./parent.ts";
export { inside, type Spawned, spawn } from "./steps.ts";
