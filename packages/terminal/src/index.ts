export { type Ears, listenIn } from "./ears.ts";
export { startFlow } from "./flow.ts";
export { attachTerminal } from "./ownterminal.ts";
export { keyboard, type Relay, startRelay, unblocked } from "./ptyproxy.ts";
export { makeRaw } from "./rawterminal.ts";
