// fork, from JavaScript. The child of clone3 continues in this same program, so it can mount and pivot in TypeScript and then execve. Four
// things here make that sound: the heap is marked MADV_DOFORK, the runtime has no helper threads that the child would wait for, signals are
// blocked across the call, and the child never returns to the event loop.

import { failedWith, ToolError } from "../ffi/errno.ts";
import { isNative } from "../ffi/koffi.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { flags, learnPid, say, sys, tracer } from "../ffi/trace.ts";
import { readBytes } from "../file/open.ts";
import { CLONE_FLAGS, CLONE_NEWNS, CLONE_PARENT } from "./cloneflags.ts";
import { resetDispositionsSilently } from "./disposition.ts";
import { exit } from "./process.ts";
import { ALL_SIGNALS, SIGCHLD, setSignalMaskSilently, signalSet } from "./signal.ts";
import { awaitIdleThreads, noteForked } from "./threads.ts";

const REFUSED = CLONE_NEWNS | 0x200; // with CLONE_FS: EINVAL (clone(2))
const CLONE_CLEAR_SIGHAND = 0x100000000n;
const CLONE_INTO_CGROUP = 0x200000000n;
const REQUIRED = ["--v8-pool-size=0", "--single-threaded", "--expose-gc"];
const START = 0x10000n; // vm.mmap_min_addr: nothing is mapped below it
const END = 1n << 56n; // no program has memory above it, on any architecture; only [vsyscall] is there
const MADV_DOFORK = 11;
const EINVAL = 22;

const madviseC = declare("madvise");
const clone3C = declareSyscall(SYS.clone3);
const cloneC = declareSyscall(SYS.clone);

/** The address space without the kernel's own mappings, [vvar] and [vdso]: madvise(2) refuses those (EINVAL), and they do not need it. */
const ranges: { readonly from: bigint; readonly length: bigint }[] = [];

/**
 * Reads what `clone3` needs while /proc is still there, and refuses to run where a forked child could hang. Every tool that may fork calls
 * it in the planning phase.
 *
 * @throws ToolError if the runtime was started without the flags that keep it single-threaded
 */
export function prepareFork(): void {
  if (ranges.length > 0) return;
  if (isNative) {
    awaitIdleThreads();
  } else {
    const missing = REQUIRED.filter((flag) => !process.execArgv.includes(flag));
    if (missing.length > 0) {
      throw new ToolError(
        `this needs Node started with ${missing.join(" ")}`,
        "a forked child has only the thread that forked; without these flags its first garbage collection waits for ever for a thread that does not exist. The programs in dist/bin pass them",
      );
    }
  }
  // In the legacy layout (`ulimit -s unlimited`, `setarch -L`) they lie among all other mappings, which grow from the bottom up.
  const maps = readBytes("/proc/self/maps").toString("latin1");
  let from = START;
  for (let at = maps.indexOf(" [v"); at !== -1; at = maps.indexOf(" [v", at + 1)) {
    const line = maps.lastIndexOf("\n", at) + 1;
    const dash = maps.indexOf("-", line);
    const start = BigInt(`0x${maps.slice(line, dash)}`);
    if (start > END) break;
    if (start > from) ranges.push({ from, length: start - from });
    from = BigInt(`0x${maps.slice(dash + 1, maps.indexOf(" ", dash))}`);
  }
  ranges.push({ from, length: END - from });
}

/** Marks every mapping to be copied by fork: V8 and JavaScriptCore map their heaps MADV_DONTFORK (madvise(2)). */
function adviseFork(list = ranges): void {
  // ENOMEM reports the holes between the mappings; every mapping was marked all the same.
  if (adviseRanges(list)) return;
  // EINVAL: a special mapping stopped the walk. Mark one by one; those that refuse are never DONTFORK.
  for (const line of readBytes("/proc/self/maps").toString("latin1").split("\n")) {
    const [start, end] =
      line
        .split(" ", 1)[0]
        ?.split("-")
        .map((hex) => BigInt(`0x${hex}`)) ?? [];
    if (start !== undefined && end !== undefined && end < END) madviseC(start, end - start, MADV_DOFORK);
  }
  adviseRanges(list); // the loop itself may have grown the heap
}

const NOTHING: typeof ranges = [{ from: 0n, length: 0n }];

/**
 * Calls the code between madvise and clone3 so often that V8 allocates nothing for it any more. A function gets its feedback vector after
 * executing 940 bytes of bytecode. If its page of the old space is full just then, the vector lies in a new page, which the child does not
 * have: SIGSEGV in the child.
 */
function rehearse(call: (size: number) => number): void {
  for (let i = 0; i < 100; i++) {
    adviseFork(NOTHING);
    call(0); // refused by the kernel: EINVAL
    errno();
  }
}

/**
 * Makes room in V8's young generation. A collection between madvise and clone3 would move objects to pages that the child does not have,
 * and the first access is a SIGSEGV. The calls allocate some hundred bytes; without this, one fork in some thousands fails.
 */
function makeRoom(): void {
  if (!isNative) (globalThis as { gc?(options: { type: "minor" }): void }).gc?.({ type: "minor" });
}

/** False if a special mapping was in the way. */
function adviseRanges(list: typeof ranges): boolean {
  let done = true;
  for (const { from, length } of list) if (madviseC(from, length, MADV_DOFORK) !== 0 && errno() === EINVAL) done = false;
  return done;
}

export interface CloneArgs {
  /** CLONE_NEW* and CLONE_PARENT. */
  readonly flags: number;
  /** A descriptor of the cgroup in which the child is born (CLONE_INTO_CGROUP, since Linux 5.7). */
  readonly cgroup?: number | undefined;
}

/**
 * clone3(2): a copy of this process runs `child` and never returns. In the child all signals are blocked and have their default action,
 * except SIGPIPE and SIGXFSZ, until `become` restores what the caller had.
 *
 * If a seccomp filter answers ENOSYS (docker's does), clone(2) is used; it has no CLONE_INTO_CGROUP.
 *
 * @returns the child's PID in this PID namespace
 * @throws SyscallError EPERM (no CAP_SYS_ADMIN), ENOSPC (namespace limits), EAGAIN (process limits), EBUSY, EACCES (the cgroup)
 */
export function clone3(args: CloneArgs, child: () => never): number {
  prepareFork();
  const exitSignal = args.flags & CLONE_PARENT ? 0 : SIGCHLD;
  const struct = Buffer.alloc(88);
  const more = CLONE_CLEAR_SIGHAND | (args.cgroup === undefined ? 0n : CLONE_INTO_CGROUP);
  struct.writeBigUInt64LE(BigInt(args.flags >>> 0) | more, 0);
  struct.writeBigUInt64LE(BigInt(exitSignal), 32);
  if (args.cgroup !== undefined) struct.writeBigUInt64LE(BigInt(args.cgroup), 80);
  const mask = new Uint8Array(8);
  const fork = (cleared: boolean, call: (size: number) => number) => {
    setSignalMaskSilently(ALL_SIGNALS, mask);
    // Whatever a runtime compiles and koffi binds at a first call allocates memory. That must not happen between madvise and clone3: a heap
    // page that is mapped there is missing in the child.
    adviseFork();
    if (isNative) call(0);
    else rehearse(call);
    makeRoom();
    adviseFork();
    const pid = call(struct.length);
    if (pid === 0) runChild(child, cleared);
    if (pid !== -1) setSignalMaskSilently(mask, new Uint8Array(8));
    return pid;
  };
  try {
    return sys(
      "clone3",
      () => [describe(args, exitSignal)],
      fork(true, (size) => clone3C(struct, size)),
    );
  } catch (error) {
    setSignalMaskSilently(mask, new Uint8Array(8));
    if (!failedWith(error, "ENOSYS") || args.cgroup !== undefined) throw error;
    const clone = fork(false, (size) => cloneC(size === 0 ? REFUSED : (args.flags | exitSignal) >>> 0, 0, 0, 0, 0));
    return sys("clone", () => [`flags=${[...flagList(args.flags), "SIGCHLD"].join("|")}`, "stack=NULL"], clone);
  }
}

/** `cleared`: the kernel has removed the handlers. */
function runChild(child: () => never, cleared: boolean): never {
  try {
    noteForked();
    if (tracer.mode !== "off") learnPid();
    // SIGPIPE stays ignored: a closed pipe on standard error must not kill the child while it reports an error there.
    resetDispositionsSilently(signalSet(), !cleared);
    child();
  } catch (error) {
    say(`${error}\n`);
    return exit(125);
  }
}

function flagList(bits: number): string[] {
  return bits === 0 ? [] : flags(CLONE_FLAGS, bits).split("|");
}

function describe(args: CloneArgs, exitSignal: number): string {
  const list = [...flagList(args.flags), "CLONE_CLEAR_SIGHAND"];
  if (args.cgroup !== undefined) list.push("CLONE_INTO_CGROUP");
  const fields = [`flags=${list.join("|")}`, `exit_signal=${exitSignal === 0 ? "0" : "SIGCHLD"}`];
  if (args.cgroup !== undefined) fields.push(`cgroup=${args.cgroup}`);
  return `{${fields.join(", ")}}`;
}
