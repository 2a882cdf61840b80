// Attempts in forked children, which end at once: namespaces, host names, mounts. Nothing is left behind or visible outside.
import {
  askChild,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  capget,
  join,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  mkdir,
  mount,
  NAMESPACES,
  type NamespaceKind,
  SyscallError,
  setgroups,
  sethostname,
  setPropagationEverywhere,
  setresgid,
  setresuid,
  statIfThere,
  unshare,
  writeIdMap,
  writeSetgroups,
} from "@contain-tools/kernel";
import { codeOfFailure } from "./check.ts";

const CHILD_TIMEOUT = 5000; // milliseconds for a child
const CAP_SYS_ADMIN = 1n << 21n;
const NOBODY = 65534;

/** How one call ended. */
export interface Tried {
  /** As strace would print it. */
  readonly call: string;
  /** `0`, or the errno name. */
  readonly answer: string;
  /** The rule behind the errno, if known. */
  readonly hint?: string | undefined;
}

/** The calls of a child up to the first that failed, or all; undefined and the reason if there was no answer. */
export interface Attempt {
  readonly tried: readonly Tried[];
  /** Why the child reported less than expected. */
  readonly problem?: string | undefined;
}

/** True if the caller may make every kind of namespace; otherwise a user namespace must come first. */
export function isPrivileged(): boolean {
  return (capget().effective & CAP_SYS_ADMIN) !== 0n;
}

export const flagOf = ({ name }: Pick<NamespaceKind, "name">) => `CLONE_NEW${name === "mount" ? "NS" : name.toUpperCase()}`;

/**
 * unshare(2) of each kind, one after the other in one child. Without CAP_SYS_ADMIN the user namespace comes first, because it grants it.
 */
export function tryNamespaces(): Attempt {
  const kinds = NAMESPACES.map((kind) => () => attempt(`unshare(${flagOf(kind)})`, () => unshare(kind.flag)));
  const [user, ...others] = kinds;
  return inChild(0, () => (isPrivileged() ? [...others, user] : kinds).flatMap((ask) => ask?.() ?? []));
}

/**
 * What an ordinary user gets: a user namespace, and the capabilities in it, which AppArmor may withhold. Root becomes nobody for the test.
 */
export function tryAsUser(): Attempt {
  return inChild(0, () =>
    untilFailure([
      ...(process.geteuid?.() === 0
        ? ([
            ["setgroups([])", () => setgroups([])],
            [`setresgid(${NOBODY})`, () => setresgid(NOBODY)],
            [`setresuid(${NOBODY})`, () => setresuid(NOBODY)],
          ] as const)
        : []),
      ["unshare(CLONE_NEWUSER|CLONE_NEWUTS)", () => unshare(CLONE_NEWUSER | CLONE_NEWUTS)],
      ['sethostname("doctor")', () => sethostname("doctor")],
    ]),
  );
}

/** A new /proc over the visible one, in the child's own mount and PID namespaces. */
export function tryProc(): Attempt {
  return inChild(CLONE_NEWPID | CLONE_NEWNS | userFlag(), () =>
    untilFailure([
      ["mount(/, MS_REC|MS_PRIVATE)", () => setPropagationEverywhere("private")],
      ['mount("proc", "/proc", "proc")', () => mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)],
    ]),
  );
}

/** An overlay with a writable layer on a tmpfs, in the child's own mount namespace. */
export function tryOverlay(): Attempt {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const place = ["/tmp", "/run", "/mnt"].find((path) => statIfThere(path)?.isDirectory());
  if (place === undefined) return { tried: [], problem: "there is no /tmp, /run or /mnt to mount it over" };
  const [lower, upper, work, merged] = ["l", "u", "w", "m"].map((name) => join(place, name));
  const data = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const inUser = userFlag() !== 0;
  return inChild(CLONE_NEWNS | userFlag(), () =>
    untilFailure([
      ["mount(/, MS_REC|MS_PRIVATE)", () => setPropagationEverywhere("private")],
      ["write(uid_map, gid_map)", () => (inUser ? mapRoot(uid, gid) : undefined)],
      [`mount("tmpfs", "${place}", "tmpfs")`, () => mount("tmpfs", place, "tmpfs", 0)],
      ["mkdir", () => [lower, upper, work, merged].map((path = "") => mkdir(path))],
      [
        `mount("overlay", "${merged}", "overlay", 0, "${data}${inUser ? ",userxattr" : ""}")`,
        () => mount("overlay", merged ?? "", "overlay", 0, `${data}${inUser ? ",userxattr" : ""}`),
      ],
    ]),
  );
}

const userFlag = () => (isPrivileged() ? 0 : CLONE_NEWUSER);

function mapRoot(uid: number, gid: number): void {
  writeSetgroups("self", "deny");
  writeIdMap("self", "uid_map", [{ inner: 0, outer: uid, count: 1 }]);
  writeIdMap("self", "gid_map", [{ inner: 0, outer: gid, count: 1 }]);
}

function attempt(call: string, act: () => unknown): Tried {
  try {
    act();
    return { call, answer: "0" };
  } catch (error) {
    return { call, answer: codeOfFailure(error), hint: error instanceof SyscallError ? error.hint : undefined };
  }
}

function untilFailure(steps: readonly (readonly [call: string, act: () => unknown])[]): Tried[] {
  const tried: Tried[] = [];
  for (const [call, act] of steps) {
    tried.push(attempt(call, act));
    if (tried.at(-1)?.answer !== "0") break;
  }
  return tried;
}

function inChild(bits: number, ask: () => readonly Tried[]): Attempt {
  try {
    const { text, problem } = askChild(bits, CHILD_TIMEOUT, () => JSON.stringify(ask()));
    return problem === undefined ? { tried: JSON.parse(text) as Tried[] } : { tried: [], problem };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { tried: [{ call: error.syscall, answer: error.code, hint: error.hint }] };
  }
}
