export { veth } from "./main.ts";
export { ensureBridge, OURS } from "./steps.ts";
