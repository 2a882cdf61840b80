export { veth } from "./main.ts";
export { type End, look, type Shown } from "./show.ts";
export { bridgeMac, connect, OURS } from "./steps.ts";
