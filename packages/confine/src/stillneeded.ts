// The calls that must still be made after the filter is loaded: a profile that refuses one of them would end us silently.
import {
  answersTo,
  NATIVE_ARCHITECTURE,
  quote,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_USER_NOTIF,
  syscallNumber,
  UsageError,
} from "@contain-tools/kernel";

const SECCOMP_RET_LOG = 0x7ffc0000;
const words = (text: string) => text.split(" ");
const ALLOWED = [SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_USER_NOTIF]; // actions that let a call go on
const DEADLY = [0x80000000, 0, 0x00030000]; // SECCOMP_RET_KILL_PROCESS, KILL_THREAD, TRAP

/** Must succeed: to start PROG; in another root, by a trampoline; to report why it cannot be started, and to end. */
const START = ["execve"];
const START_INSIDE = ["execve", "execveat", "fcntl"];
const TELL = ["write", "exit_group"];
/** May fail, but must not kill: the last calls before the program. */
const LAST = ["rt_sigaction"];
const LAST_TRACED = ["rt_sigaction", "wait4"];
/** For a next link of ours: what a runtime cannot live without, and what may be refused to it. */
const RUNTIME = words("mmap munmap mprotect madvise brk futex rt_sigaction rt_sigprocmask read close");
const LINKS = words(
  "openat statx newfstatat readlink getdents64 clone clone3 wait4 waitid rt_sigtimedwait poll prctl fcntl ioctl close_range dup2 kill " +
    "getpid getppid setpgid setsid prlimit64 unshare setns mount umount2 tgkill memfd_create openat2 faccessat2",
);

export interface Circumstances {
  /** PROG is one of ours. */
  readonly link: boolean;
  /** PROG is in another root. */
  readonly inside: boolean;
  readonly traced: boolean;
  /** Capabilities are dropped after it is loaded. */
  readonly privileged: boolean;
}

/** @throws UsageError that names the call */
export function checkStillNeeded(word: string, program: Buffer, { link, inside, traced, privileged }: Circumstances): void {
  const bad = (what: string, name: string, why: string) =>
    new UsageError(`--seccomp ${quote(word)}: ${what}`, `${why}: {"names": ["${name}"], "action": "SCMP_ACT_ALLOW"} allows it`);
  /** Some arguments of the call may get such an answer. */
  const mayGet = (name: string, isSuch: (action: number) => boolean) => {
    const number = syscallNumber(name);
    if (number === undefined) return true; // libseccomp does not know it, so the profile cannot either
    const answers = answersTo(program, NATIVE_ARCHITECTURE, number);
    return answers !== undefined && [...answers].some((answer) => isSuch((answer & 0xffff0000) >>> 0));
  };
  const allows = (name: string) => mayGet(name, (action) => ALLOWED.includes(action));
  const spares = (name: string) => mayGet(name, (action) => !DEADLY.includes(action));
  for (const name of inside ? START_INSIDE : START)
    if (!allows(name)) throw bad(`it refuses ${name}`, name, "no program can be started without it");
  if (privileged && !allows("capset"))
    throw bad("it refuses capset", "capset", "with --allow-new-privs it is loaded before the capabilities are taken away");
  for (const name of TELL)
    if (!allows(name)) throw bad(`it refuses ${name}`, name, "without it nothing tells why a program cannot be started");
  for (const name of link ? RUNTIME : [])
    if (!allows(name)) throw bad(`it refuses ${name}`, name, "the next program is one of ours, and cannot do without it");
  for (const name of link ? LINKS : traced ? LAST_TRACED : LAST)
    if (!spares(name)) throw bad(`it kills for ${name}`, name, "it is called before the program starts");
}
