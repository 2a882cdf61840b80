export type { Plan as NsexecPlan } from "./cli.ts";
export { type Flow, startFlow } from "./flow.ts";
export { inside } from "./inside.ts";
export { nsexec } from "./main.ts";
export { passOn, type Watch, watch } from "./parent.ts";
export { checkPasta } from "./pasta.ts";
export { describePublished, type Published, readPublished } from "./published.ts";
export { attachTerminal, keyboard, type Relay, startRelay, unblocked } from "./relay.ts";
export { type Spawned, spawn } from "./spawn.ts";
