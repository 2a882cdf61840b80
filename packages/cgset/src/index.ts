export type { Plan } from "./cli.ts";
export { limitOptions, weightOfShares } from "./limits.ts";
export { act, cgset } from "./main.ts";
export { locate, placeOf } from "./steps.ts";
