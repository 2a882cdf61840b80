export { defaultCapabilities, readCapabilities } from "./capabilities.ts";
export { confine } from "./main.ts";
export type { Plan } from "./plan.ts";
export { ociProfile } from "./profile.ts";
export { jsonWithLargeNumbers, keepLargeNumbers } from "./profilefile.ts";
