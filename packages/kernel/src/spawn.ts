// posix_spawn(3), and what it and execve(2) are given: words as C has them.
import { SyscallError } from "./errno.ts";
import { declare, ERRNO, errno, koffi } from "./libc.ts";
import type { SignalSet } from "./signal.ts";
import { flags, quote, trace, tracer } from "./trace.ts";

/** argv or an environment; as bytes what is not UTF-8. */
export type Words = readonly (string | Buffer)[];

/** A NULL-terminated array of C strings, in memory that neither moves nor goes away while a call reads it. */
export function stringArray(words: Words): { pointers: Uint8Array; text: Buffer } {
  let size = 1;
  for (const word of words) size += (typeof word === "string" ? Buffer.byteLength(word) : word.length) + 1;
  const text = Buffer.alloc(size);
  const pointers = new BigUint64Array(words.length + 1);
  const base = BigInt(koffi.address(text));
  let at = 0;
  for (const [i, word] of words.entries()) {
    pointers[i] = base + BigInt(at);
    at += (typeof word === "string" ? text.write(word, at) : word.copy(text, at)) + 1;
  }
  return { pointers: new Uint8Array(pointers.buffer), text };
}

/** The arguments of execve(2) as strace decodes them. */
export function describeExec(path: string, argv: Words, env: Words): string[] {
  return [quote(path), `[${argv.map((word) => quote(word.toString())).join(", ")}]`, `0x… /* ${env.length} vars */`];
}

export interface SpawnAttributes {
  /** The child's signal mask. */
  readonly blocked: SignalSet;
  /** In a process group of its own. */
  readonly ownGroup: boolean;
}

// <spawn.h>: the same numbers in glibc and musl; so are the functions, for the struct is laid out differently.
const FLAGS = { POSIX_SPAWN_SETPGROUP: 2, POSIX_SPAWN_SETSIGDEF: 4, POSIX_SPAWN_SETSIGMASK: 8 };
const ATTRIBUTES = 512; // bytes; posix_spawnattr_t has 336
const SIGSET = 128; // bytes of a sigset_t, the kernel's eight first
const F_OK = 0;

const initC = declare("posix_spawnattr_init");
const setFlagsC = declare("posix_spawnattr_setflags");
const setGroupC = declare("posix_spawnattr_setpgroup");
const setMaskC = declare("posix_spawnattr_setsigmask");
const setDefaultC = declare("posix_spawnattr_setsigdefault");
const spawnC = declare("posix_spawn");
const accessC = declare("access");

/**
 * posix_spawn(3): clone(2) with CLONE_VM|CLONE_VFORK and execve(2) in one, so that the child copies no memory of ours. Every signal is
 * at its default action in it, also the two that libc keeps to itself.
 *
 * @returns the child's PID
 * @throws SyscallError of `execve`; EAGAIN and ENOMEM of `clone`
 */
export function posixSpawn(path: string, argv: Words, env: Words, { blocked, ownGroup }: SpawnAttributes): number {
  const args = () => describeExec(path, argv, env);
  const { text: file } = stringArray([path]);
  // Where PATH is searched most files are not there; to learn that from a child of its own takes a PID.
  if (accessC(file, F_OK) !== 0) throw new SyscallError("execve", args(), errno());
  const words = stringArray(argv);
  const vars = stringArray(env);
  const attributes = Buffer.alloc(ATTRIBUTES);
  const mask = Buffer.alloc(SIGSET);
  mask.set(blocked);
  const bits = FLAGS.POSIX_SPAWN_SETSIGDEF | FLAGS.POSIX_SPAWN_SETSIGMASK | (ownGroup ? FLAGS.POSIX_SPAWN_SETPGROUP : 0);
  initC(attributes);
  setFlagsC(attributes, bits);
  setGroupC(attributes, 0); // a new one
  setMaskC(attributes, mask);
  setDefaultC(attributes, Buffer.alloc(SIGSET, 0xff));
  const child = new Int32Array(1);
  const code = spawnC(new Uint8Array(child.buffer), file, null, attributes, words.pointers, vars.pointers);
  const [pid = 0] = child;
  if (tracer.mode !== "off") {
    const [name = "", ...rest] = args();
    trace("posix_spawn", [`[${code === 0 ? pid : ""}]`, name, "NULL", `{flags=${flags(FLAGS, bits)}}`, ...rest], code === 0 ? 0 : -1, code);
  }
  const inClone = code === ERRNO["EAGAIN"] || code === ERRNO["ENOMEM"]; // execve too may say so, which is rarer
  if (code !== 0) throw new SyscallError(inClone ? "clone" : "execve", inClone ? ["CLONE_VM|CLONE_VFORK|SIGCHLD"] : args(), code);
  return pid;
}
