export { pivot } from "./main.ts";
