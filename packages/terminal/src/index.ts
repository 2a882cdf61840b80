export { type Ears, listenIn } from "./ears.ts";
export { startFlow } from "./flow.ts";
export { type Heard, hearKeys } from "./keys.ts";
export { attachTerminal } from "./ownterminal.ts";
export { keyboard, type Relay, startRelay, unblocked } from "./ptyproxy.ts";
export { makeRaw, type RawTerminal } from "./rawterminal.ts";
