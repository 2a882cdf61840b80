export { checkRootfs, insideOptions } from "./cli.ts";
export { deviceNodes, readDevice } from "./device.ts";
export { readEnvFile, readVariable, type Variable } from "./environment.ts";
export { pivot } from "./main.ts";
