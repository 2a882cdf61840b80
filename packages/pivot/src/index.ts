export { checkRootfs } from "./cli.ts";
export { isBasicDevice } from "./dev.ts";
export { deviceNodes, readDevice } from "./device.ts";
export { readEnvFile, readVariable, type Variable } from "./environment.ts";
export { pivot } from "./main.ts";
export { readMount } from "./mountwords.ts";
export { insideOptions } from "./options.ts";
export { bindOf } from "./volume.ts";
