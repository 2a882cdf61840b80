// The C library, called through koffi, and the few numbers that differ between architectures.
import type * as Koffi from "koffi";
import { loadKoffi } from "./koffi.ts";

export { isNative, usesMusl } from "./koffi.ts";

const { arch } = process; // an import of node:process has the native runtime compile its require() at every start

export const koffi = loadKoffi();

/**
 * A shared library of the system, by its soname. Call it while planning: after pivot_root the library would be the container's.
 *
 * @throws Error when the dynamic linker does not find it
 */
export function loadLibrary(soname: string): Koffi.LibraryHandle {
  return koffi.load(soname);
}

/** The symbols of the running program. libc is loaded already (glibc or musl), so no file is opened, not even after pivot_root. */
const libc = koffi.load(null);

type Scalar = number | bigint;
type Argument = Scalar | string | null | Uint8Array;

/** A C function that returns a long or an int. koffi gives a number if it fits 53 bits. */
type CFunction = (...args: Argument[]) => number;

// Every function has six register arguments: a number, the address of a string's or a buffer's bytes, or NULL. With one type for all, koffi
// prepares nothing per function; preparing takes longer than most of these calls take in the kernel.
const registers = "void *a, void *b, void *c, void *d, void *e, void *f";
const TYPES = { int: koffi.proto(`int contain_int(${registers})`), long: koffi.proto(`long contain_long(${registers})`) };
type Register = Argument | undefined;
type SixRegisters = (a?: Register, b?: Register, c?: Register, d?: Register, e?: Register, f?: Register) => number;

/**
 * A libc function by its name, looked up at its first call. It gets its arguments in registers, so none of them may be a floating-point
 * number. The parameters are spelled out because a rest parameter is an array for each call, the one garbage that the init's loop
 * would make.
 */
export function declare(name: string, result: keyof typeof TYPES = "int"): CFunction {
  const type = TYPES[result];
  let address: unknown;
  const call: SixRegisters = (a, b, c, d, e, f) => {
    address ??= libc.symbol(name);
    return koffi.call(address, type, a, b, c, d, e, f);
  };
  return call as CFunction;
}

const syscallC = declare("syscall", "long") as SixRegisters;

/** syscall(2) with one number, for calls without a libc function. */
export function declareSyscall(number: number): CFunction {
  const call: SixRegisters = (a, b, c, d, e) => syscallC(number, a, b, c, d, e);
  return call as CFunction;
}

/** strerror(3). */
export const strerror = (code: number): string => {
  describe ??= libc.func("strerror", "str", ["int"]);
  return String(describe(code));
};
let describe: ((code: number) => unknown) | undefined;

/** errno of the last call; read it before anything else can make another call. */
export function errno(): number {
  return koffi.errno();
}

/** Restores errno after calls that came between a failure and its report. */
export function setErrno(code: number): void {
  koffi.errno(code);
}

/** errno names and numbers of this architecture. */
export const ERRNO: Readonly<Record<string, number>> = koffi.os.errno;

const X64 = {
  clone: 56,
  rt_sigprocmask: 14,
  rt_sigaction: 13,
  rt_sigtimedwait: 128,
  pivot_root: 155,
  capget: 125,
  capset: 126,
  getgroups: 115,
  setgroups: 116,
  setresuid: 117,
  setresgid: 119,
  ioctl: 16,
  sendmsg: 46,
  recvmsg: 47,
  signalfd4: 289,
  seccomp: 317,
  statx: 332, // musl has had this function since 1.2.4
  getdents64: 217,
  keyctl: 250,
  execveat: 322,
  bpf: 321,
  ioprio_set: 251,
  sched_setattr: 314,
  sched_setaffinity: 203,
  set_mempolicy: 238,
  personality: 135,
};
const ARM64 = {
  clone: 220,
  rt_sigprocmask: 135,
  rt_sigaction: 134,
  rt_sigtimedwait: 137,
  pivot_root: 41,
  capget: 90,
  capset: 91,
  getgroups: 158,
  setgroups: 159,
  setresuid: 147,
  setresgid: 149,
  ioctl: 29,
  sendmsg: 211,
  recvmsg: 212,
  signalfd4: 74,
  seccomp: 277,
  statx: 291,
  getdents64: 61,
  keyctl: 219,
  execveat: 281,
  bpf: 280,
  ioprio_set: 30,
  sched_setattr: 274,
  sched_setaffinity: 122,
  set_mempolicy: 237,
  personality: 92,
};

/** System call numbers: asm/unistd_64.h on x86-64, asm-generic/unistd.h on arm64 (equal from 424 on). */
export const SYS = {
  ...(arch === "arm64" ? ARM64 : X64),
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  clone3: 435,
  close_range: 436,
  openat2: 437,
  pidfd_getfd: 438,
  faccessat2: 439,
  mount_setattr: 442,
  landlock_create_ruleset: 444,
  landlock_add_rule: 445,
  landlock_restrict_self: 446,
} as const;
