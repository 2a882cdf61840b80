export { LABS } from "./labs.ts";
export { checkNeeds } from "./needs.ts";
export { play } from "./play.ts";
