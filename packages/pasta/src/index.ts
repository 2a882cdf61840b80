export { checkPasta, type Pasta, type PastaPlan, readPasta, startPasta } from "./pasta.ts";
export { describePublished, type Published, readPublished } from "./published.ts";
