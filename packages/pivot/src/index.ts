export { checkRootfs, type Plan } from "./cli.ts";
export { isBasicDevice } from "./dev.ts";
export { deviceNodes, readDevice } from "./device.ts";
export { readEnvFile, readVariable, type Variable } from "./environment.ts";
export { pivot } from "./main.ts";
export { kernelFiles } from "./mask.ts";
export { readMount } from "./mountwords.ts";
export { insideOptions } from "./options.ts";
export { bindOf, type Volume } from "./volume.ts";
