export { insideOptions } from "./cli.ts";
export { pivot } from "./main.ts";
