export { startFlow } from "./flow.ts";
export { attachTerminal } from "./ownterminal.ts";
export { keyboard, type Relay, startRelay, unblocked } from "./ptyproxy.ts";
