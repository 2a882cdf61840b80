// The identity of this process: ids, supplementary groups, and the parent-death signal, which every change of ids clears.

import { declare, declareSyscall, SYS } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { open, pread } from "../file/open.ts";
import { statFields } from "../proc/proc.ts";
import { exit, getppid, hasEnded } from "../process/process.ts";
import { signalName } from "../process/signal.ts";
import { capget, capset } from "./capability.ts";

// The raw system calls: they change only the calling thread, and we have one. libc's functions change all threads that libc knows, which a
// forked child does not have any more (setuid(2), "C library/kernel differences"; musl gives up then).
const setresuidC = declareSyscall(SYS.setresuid);
const setresgidC = declareSyscall(SYS.setresgid);
const setgroupsC = declareSyscall(SYS.setgroups);

/** setresuid(2): real, effective and saved user id. */
export function setresuid(uid: number): void {
  sys("setresuid", () => [`${uid}`, `${uid}`, `${uid}`], setresuidC(uid, uid, uid));
}

/** setresgid(2): real, effective and saved group id. */
export function setresgid(gid: number): void {
  sys("setresgid", () => [`${gid}`, `${gid}`, `${gid}`], setresgidC(gid, gid, gid));
}

const setfsuidC = declare("setfsuid");
const setfsgidC = declare("setfsgid");

/**
 * setfsuid(2), setfsgid(2): the owner of files that this process makes from now on. Root needs it on an ID-mapped mount, where it has no id
 * itself (EOVERFLOW); its capabilities stay. Other users cannot change it, and the calls report no error.
 */
export function makeFilesAs(uid: number, gid: number): void {
  const before = capget();
  setfsgidC(gid);
  setfsuidC(uid); // drops those for files (capabilities(7), "Effect of user ID changes on capabilities")
  capset(before);
}

const getgroupsC = declareSyscall(SYS.getgroups);

/** getgroups(2): the number of supplementary groups. */
export function countGroups(): number {
  return sys("getgroups", () => ["0", "NULL"], getgroupsC(0, null));
}

const MAX_SHOWN = 32; // as strace has it

/** setgroups(2): the supplementary groups. */
export function setgroups(groups: readonly number[]): void {
  const list = new Uint32Array(groups);
  sys(
    "setgroups",
    () => [`${list.length}`, `[${groups.slice(0, MAX_SHOWN).join(", ")}${groups.length > MAX_SHOWN ? ", …" : ""}]`],
    setgroupsC(list.length, new Uint8Array(list.buffer)),
  );
}

const prctlC = declare("prctl");
const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;

/** prctl(2) PR_SET_PDEATHSIG: the signal for this process when its parent thread ends; 0 for none. A change of credentials clears it. */
export function setParentDeathSignal(signal: number): void {
  sys("prctl", () => ["PR_SET_PDEATHSIG", signal === 0 ? "0" : signalName(signal)], prctlC(PR_SET_PDEATHSIG, signal, 0, 0, 0));
}

/** prctl(2) PR_GET_PDEATHSIG: 0 for none, and after a fork. */
function getParentDeathSignal(): number {
  const signal = new Int32Array(1);
  sys("prctl", () => ["PR_GET_PDEATHSIG", `[${signal[0]}]`], prctlC(PR_GET_PDEATHSIG, new Uint8Array(signal.buffer), 0, 0, 0));
  return signal[0] ?? 0;
}

/** Whether that parent has ended; it may have died before the kernel was asked for the signal. */
let parentHasEnded: (() => boolean) | undefined;

/**
 * Asks for `signal` when the parent dies, and closes the race with a parent that is dead already. In a new PID namespace getppid() is
 * always 0, so the parent's pidfd is asked.
 */
export function dieWithParent(signal: number, parent: number): void {
  parentHasEnded = () => hasEnded(parent);
  if (signal !== 0) arm(signal);
}

function arm(signal: number): void {
  setParentDeathSignal(signal);
  if (parentHasEnded?.()) exit(128 + signal);
}

/**
 * For a process that had a parent-death signal before this program was exec'd, and so has no pidfd of its parent. Call it while /proc is
 * still that of the parent's PID namespace; in the new one the parent's PID is always 0.
 */
export function rememberParent(): void {
  if (parentHasEnded !== undefined || getParentDeathSignal() === 0) return;
  const parent = openParentReader();
  const before = parent();
  parentHasEnded = () => parent() !== before;
}

/** Reads field 4 of /proc/self/stat at each call, through a descriptor that stays valid when another /proc is mounted. */
function openParentReader(): () => string | undefined {
  let fd: number;
  try {
    fd = open("/proc/self/stat");
  } catch {
    return () => `${getppid()}`;
  }
  const text = Buffer.alloc(1024);
  return () => statFields(text.toString("latin1", 0, pread(fd, text, 0)))[1];
}

/** Changes credentials, and sets the parent-death signal again afterwards (prctl(2)). */
export function keepingDeathSignal(change: () => void): void {
  rememberParent();
  const signal = getParentDeathSignal();
  change();
  if (signal !== 0) arm(signal);
}
