// What the files of node:fs here have in common: how a call fails, and Bun's own module for what is not here.
import { errnoMeaning } from "../errno.ts";
import { errno } from "../libc.ts";

export type Fs = typeof import("node:fs");
/** Bun's own. */
export const whole = (): Fs => process.getBuiltinModule("node:fs");

export const constants = (process as unknown as { binding(name: string): { fs: Fs["constants"] } }).binding("constants").fs;
export const O_CLOEXEC = 0o2000000; // which node:fs adds to what it opens

/** The result of a call, or what node:fs throws. */
export function checked(result: number, syscall: string, path?: string, dest?: string): number {
  if (result !== -1) return result;
  const number = errno();
  const { code, text } = errnoMeaning(`${number}`) ?? { code: `E${number}`, text: "unknown error" };
  const at = path === undefined ? "" : dest === undefined ? ` '${path}'` : ` '${path}' -> '${dest}'`;
  const error = new Error(`${code}: ${text.slice(0, 1).toLowerCase()}${text.slice(1)}, ${syscall}${at}`);
  throw Object.assign(error, { errno: -number, code, syscall }, path === undefined ? {} : { path }, dest === undefined ? {} : { dest });
}

/** A path for C, which ends at a NUL. */
export function cPath(path: string): string {
  if (!path.includes("\0")) return path;
  const why = `The argument 'path' must be a string, Uint8Array, or URL without null bytes. Received ${JSON.stringify(path)}`;
  throw Object.assign(new TypeError(why), { code: "ERR_INVALID_ARG_VALUE" });
}
