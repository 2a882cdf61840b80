// `contain explain errno ECODE [SYSCALL]`: what an error means, the kernel's rules behind it, and the fix.

import type { Finding } from "@contain-tools/chain";
import { errnoMeaning, rulesOf, UsageError } from "@contain-tools/kernel";
import { cannotTell, fact, is, type Section } from "../process/finding.ts";
import { ERRORS } from "./errors.ts";

interface ErrnoPlan {
  readonly code: string;
  readonly number: number;
  readonly text: string;
  readonly syscall: string | undefined;
}

/** Names from libc, from other programs' messages and of older calls, with the system call in the rules. */
const ALIASES: Readonly<Record<string, string>> = {
  fork: "clone",
  vfork: "clone",
  pthread_create: "clone",
  posix_spawn: "clone",
  open: "openat",
  creat: "openat",
  fopen: "openat",
  exec: "execve",
  execv: "execve",
  execvp: "execve",
  execveat: "execve",
  umount: "umount2",
  setuid: "setresuid",
  setgid: "setresgid",
  seteuid: "setresuid",
  setrlimit: "prlimit64",
  prlimit: "prlimit64",
  accept4: "accept",
  mknodat: "mknod",
  mkdirat: "mkdir",
  unlinkat: "unlink",
  renameat: "rename",
  renameat2: "rename",
  linkat: "link",
  fchownat: "chown",
  fchown: "chown",
  lchown: "chown",
  fchmodat: "chmod",
  fchmod: "chmod",
  pwrite64: "write",
  writev: "write",
  malloc: "mmap",
  brk: "mmap",
  inotify_init1: "inotify_init",
  dup2: "dup",
  pipe2: "pipe",
  finit_module: "init_module",
  settimeofday: "clock_settime",
  pidfd_send_signal: "kill",
  tgkill: "kill",
};

/** @throws UsageError for an unknown errno */
export function readErrno([word, syscall, ...more]: readonly string[]): ErrnoPlan {
  if (word === undefined) throw new UsageError("missing errno", "contain explain errno EPERM mount");
  if (more[0] !== undefined) throw new UsageError(`unexpected argument: ${more[0]}`, "contain explain errno ECODE [SYSCALL]");
  const meaning = errnoMeaning(word);
  if (meaning === undefined)
    throw new UsageError(`${JSON.stringify(word)} is not an errno`, "a name or a number of errno(3): EPERM, EACCES, EBUSY, 11");
  if (syscall !== undefined && !/^[a-z_][a-z0-9_]*$/.test(syscall))
    throw new UsageError(`${JSON.stringify(syscall)} is not the name of a system call`, "as strace shows it: mount, clone3, openat");
  return { ...meaning, syscall };
}

export function explainErrno({ code, number, text, syscall }: ErrnoPlan): Section[] {
  const meaning = is("errno-meaning", `${code} (${number}): ${text}`, [fact(`strerror(${number})`, text, "errno(3)")]);
  const name = syscall === undefined ? undefined : (ALIASES[syscall] ?? syscall);
  const rules = findRules(code, name);
  const heading = name === undefined ? "Rules, by system call" : `Rules for ${syscall}${name === syscall ? "" : ` (${name})`}`;
  if (rules.length > 0)
    return [
      { heading: "Meaning", findings: [meaning] },
      { heading, findings: rules },
    ];
  const none = cannotTell(
    "errno-no-rule",
    `no rule is known for ${code}${syscall === undefined ? "" : ` of ${syscall}`}`,
    [],
    syscall === undefined
      ? "the manual page of the system call that failed would tell (strace shows which)"
      : `ERRORS in ${syscall}(2) would tell`,
  );
  const others = name === undefined ? [] : findRules(code, undefined);
  return [
    { heading: "Meaning", findings: [meaning] },
    { heading, findings: [none] },
    ...(others.length > 0 ? [{ heading: `${code} of other system calls`, findings: others }] : []),
  ];
}

function findRules(code: string, syscall: string | undefined): Finding[] {
  const ours = rulesOf(code, syscall).map(({ syscalls, say }) => ({ syscalls, say, fix: undefined }));
  const same = code === "EWOULDBLOCK" ? "EAGAIN" : code === "ENOTSUP" ? "EOPNOTSUPP" : code;
  const more = ERRORS.filter((error) => error.code === same && (syscall === undefined || error.syscalls.split(" ").includes(syscall)));
  const all = [...ours, ...more.map(({ syscalls, say, fix }) => ({ syscalls: syscalls.split(" "), say, fix }))];
  return all.map(({ syscalls, say, fix }) =>
    is("errno-rule", `${syscall ?? syscalls.join(", ")}: ${say}`, [fact(syscalls.join(", "), code, manual(say, syscalls))], fix),
  );
}

/** The man page named in the rule, otherwise the one of its call. */
function manual(say: string, [first = ""]: readonly string[]): string {
  return /[a-z_0-9-]+\(\d\)|cgroup-v2\.rst/.exec(say)?.[0] ?? `${first}(2)`;
}
