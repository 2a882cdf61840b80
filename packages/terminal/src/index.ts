export { startFlow } from "./flow.ts";
export { attachTerminal, keyboard, type Relay, startRelay, unblocked } from "./ptyproxy.ts";
