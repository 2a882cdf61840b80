export { veth } from "./main.ts";
export { type End, look, type Shown } from "./show.ts";
export { connect, macOf, OURS } from "./steps.ts";
