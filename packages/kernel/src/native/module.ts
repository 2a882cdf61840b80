// node:module of the native programs (scripts/native.mjs puts it there): Bun's own is loaded when it is used, not at every start.
import type * as Module from "node:module";

export const createRequire: typeof Module.createRequire = (path) => process.getBuiltinModule("node:module").createRequire(path);
