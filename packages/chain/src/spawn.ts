// Starts a program as a child by posix_spawn(3), which is clone(2) with CLONE_VM|CLONE_VFORK and execve(2): the child copies no memory.

import { codeOf, declare, flags, hasSignal, stat, stringArray, trace, tracer } from "@contain-tools/kernel";
import { readBinary } from "./binary.ts";
import { cleanDescriptors } from "./clean.ts";
import { type Context, candidates } from "./context.ts";
import { describeExec } from "./execve.ts";
import type { Program } from "./link.ts";
import { environmentOf } from "./rawwords.ts";

// <spawn.h>: the numbers are the same in glibc and musl.
const FLAGS = { POSIX_SPAWN_SETPGROUP: 2, POSIX_SPAWN_SETSIGDEF: 4, POSIX_SPAWN_SETSIGMASK: 8 };
const ATTRIBUTES = 512; // bytes; a posix_spawnattr_t has 336
const SIGSET = 128; // bytes of a sigset_t; the kernel uses the first eight

const initC = declare("posix_spawnattr_init");
const setFlagsC = declare("posix_spawnattr_setflags");
const setGroupC = declare("posix_spawnattr_setpgroup");
const setMaskC = declare("posix_spawnattr_setsigmask");
const setDefaultC = declare("posix_spawnattr_setsigdefault");
const spawnC = declare("posix_spawn");

/**
 * Starts PROG as a child, as a fork and `execProgram` would.
 *
 * @param ownGroup in a process group of its own
 * @returns its PID in this PID namespace; undefined if posix_spawn(3) cannot do it or failed: a fork then does it, or says why not
 */
export function spawnProgram(context: Context, { argv, bytes }: Program, ownGroup: boolean): number | undefined {
  const path = needsFork(context) ? undefined : findFile(context, argv[0] ?? "");
  if (path === undefined) return undefined;
  cleanDescriptors(context);
  const env = environmentOf(context);
  const file = stringArray([path]);
  const argvC = stringArray(bytes);
  const envC = stringArray(env);
  const attributes = Buffer.alloc(ATTRIBUTES);
  const mask = Buffer.alloc(SIGSET);
  mask.set(context.launch.blocked);
  const bits = FLAGS.POSIX_SPAWN_SETSIGDEF | FLAGS.POSIX_SPAWN_SETSIGMASK | (ownGroup ? FLAGS.POSIX_SPAWN_SETPGROUP : 0);
  initC(attributes);
  setFlagsC(attributes, bits);
  setGroupC(attributes, 0); // a new one
  setMaskC(attributes, mask);
  setDefaultC(attributes, Buffer.alloc(SIGSET, 0xff)); // also libc's own two, which it would leave ignored
  const child = new Int32Array(1);
  const code = spawnC(new Uint8Array(child.buffer), file.text, null, attributes, argvC.pointers, envC.pointers);
  const pid = code === 0 ? child[0] : undefined;
  if (tracer.mode !== "off") {
    const [name = "", ...rest] = describeExec(path, bytes, env);
    trace("posix_spawn", [`[${pid ?? ""}]`, name, "NULL", `{flags=${flags(FLAGS, bits)}}`, ...rest], code === 0 ? 0 : -1, code);
  }
  return pid;
}

/** True if something is to be done between fork and execve that posix_spawn(3) cannot do. */
function needsFork({ launch, limits, lastStep, inside, consoleSocket }: Context): boolean {
  if (inside !== undefined) return true; // what is started there must go through the trampoline
  if (limits.length > 0 || lastStep !== undefined || launch.closed.length > 0 || consoleSocket !== undefined) return true;
  // libc removes its own two signals, 32 and 33, from every mask.
  return launch.ignored.some((byte) => byte !== 0) || hasSignal(launch.blocked, 32) || hasSignal(launch.blocked, 33);
}

/**
 * The file of PROG, if it is certain: a failed attempt would use up a PID. Undefined if execvp(3) might try another file after this one, or
 * give it to the shell.
 */
function findFile(context: Context, name: string): string | undefined {
  const paths = candidates(context, name);
  for (const path of paths) {
    try {
      const file = stat(path);
      const kind = file.isFile() && (file.mode & 0o111) !== 0 ? readBinary(path)?.kind : undefined;
      return kind === "elf" || kind === "script" ? path : undefined;
    } catch (error) {
      if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") return undefined;
    }
  }
  return undefined;
}
