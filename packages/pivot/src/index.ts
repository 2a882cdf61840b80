export { checkRootfs, insideOptions } from "./cli.ts";
export { readEnvFile, readVariable, type Variable } from "./environment.ts";
export { pivot } from "./main.ts";
