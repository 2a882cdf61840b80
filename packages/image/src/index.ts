export { bytesOfStream, decompressed } from "./bytes.ts";
export { split } from "./names.ts";
export { writeTar } from "./pack.ts";
export { removeDirectory } from "./remove.ts";
export { type Entry, entriesOf } from "./tar.ts";
export { Tree } from "./tree.ts";
export { unpack } from "./unpack.ts";
export { walk } from "./walk.ts";
