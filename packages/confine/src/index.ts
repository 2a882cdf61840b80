export { defaultCapabilities, readCapabilities } from "./capabilities.ts";
export { confine } from "./main.ts";
export { readProfile } from "./profile.ts";
