export { type Pasta, startPasta } from "./pasta.ts";
export { checkPasta, type PastaPlan, readPasta } from "./plan.ts";
export { describePublished, type Published, readPublished } from "./published.ts";
