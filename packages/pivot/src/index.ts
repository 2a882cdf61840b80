export { insideOptions } from "./cli.ts";
export { readEnvFile } from "./environment.ts";
export { pivot } from "./main.ts";
