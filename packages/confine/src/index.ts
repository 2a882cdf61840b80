export { defaultCapabilities, readCapabilities } from "./capabilities.ts";
export { confine } from "./main.ts";
export { jsonWithLargeNumbers, keepLargeNumbers } from "./profilefile.ts";
