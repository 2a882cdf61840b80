// node:path of the native programs (scripts/native.mjs puts it there): Bun's own takes longer to load than all that is asked of it.
import path from "path-browserify";

export const { basename, dirname, join, relative, resolve } = path;
