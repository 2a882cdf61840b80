// node:fs of the native programs (scripts/native.mjs puts it there): the calls of it that they use, made by libc. Bun's own module
// takes 1.5 ms to load, as long as six of the system calls that make a container; it is loaded for what is not here. Names, results
// and errors are node:fs's, and tests/nativefs.test.ts compares the two.
import { type Fs, whole } from "./common.ts";

export { constants } from "./common.ts";
export { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from "./files.ts";
export { chmodSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmdirSync, symlinkSync, unlinkSync } from "./names.ts";
export { accessSync, existsSync, fstatSync, lstatSync, statSync } from "./stat.ts";

// Not for every start.
export const chownSync: Fs["chownSync"] = (...args) => whole().chownSync(...args);
export const copyFileSync: Fs["copyFileSync"] = (...args) => whole().copyFileSync(...args);
export const fchownSync: Fs["fchownSync"] = (...args) => whole().fchownSync(...args);
export const realpathSync = (path: string): string => whole().realpathSync(path);
export const rmSync: Fs["rmSync"] = (...args) => whole().rmSync(...args);
export const statfsSync = (path: string) => whole().statfsSync(path);
