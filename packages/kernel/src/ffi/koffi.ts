// koffi, which calls C functions. Nothing else in the project loads native code.

import type * as Koffi from "koffi";

type KoffiModule = typeof Koffi;

const { arch, dlopen, execPath } = process; // an import of node:process has the native runtime compile its require() at every start

/** True in the native build: a program with Bun's runtime in it. */
export const isNative = process.versions["bun"] !== undefined;

/**
 * Loads koffi from beside the native program (`koffi.node`) or the bundle (`koffi/<libc>_<arch>/koffi.node`), otherwise from its npm
 * package. koffi's own loader would search the working directory too. `name` is for the error.
 */
export function loadKoffi(name = "contain"): KoffiModule {
  const folder = isNative ? "" : `${usesMusl() ? "musl" : "linux"}_${arch}/`;
  let file = isNative ? `${execPath.slice(0, execPath.lastIndexOf("/"))}/koffi.node` : `${import.meta.dirname}/koffi/${folder}koffi.node`;
  if (!isNative && !process.getBuiltinModule("node:fs").existsSync(file)) {
    const { createRequire } = process.getBuiltinModule("node:module");
    const koffi = createRequire(import.meta.filename).resolve("koffi");
    file = createRequire(koffi).resolve(`@koromix/koffi-linux-${arch}/${folder}koffi.node`);
  }
  const addon = { exports: {} };
  try {
    dlopen(addon, file); // require() would look for a package.json in every parent folder
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const fix = /libstdc|libgcc/.test(why)
      ? "koffi.node needs the C++ library: the package libstdc++6 (Debian) or libstdc++ (Alpine)"
      : "koffi.node must stay where it was made or unpacked, in lib next to the programs";
    console.error(`${name}: ${why}\n  ${fix}`); // not writeSync: nothing that reports errors is loaded yet
    process.exit(125);
  }
  return addon.exports as KoffiModule;
}

/** Which libc the runtime is linked with, by the loader in its ELF header (PT_INTERP). */
export function usesMusl(): boolean {
  const { closeSync, openSync, readSync } = process.getBuiltinModule("node:fs"); // Node has loaded it anyway; Bun takes 2 ms
  const head = Buffer.alloc(4096);
  const fd = openSync(execPath, "r");
  readSync(fd, head);
  closeSync(fd);
  return head.includes("/ld-musl-");
}
