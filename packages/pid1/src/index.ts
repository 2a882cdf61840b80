export { pid1 } from "./main.ts";
