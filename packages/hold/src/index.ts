export { hold } from "./main.ts";
