export { veth } from "./main.ts";
export { type End, look, type Shown } from "./show.ts";
export { bridgeMac, connect, ensureBridge, OURS } from "./steps.ts";
