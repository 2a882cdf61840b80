export { contain } from "./main.ts";
