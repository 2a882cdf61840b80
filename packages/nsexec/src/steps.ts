// What is done inside the new or joined namespaces, and how the child that does it is made.
import { closeSync, existsSync, openSync, readSync, writeSync } from "node:fs";
import {
  bringLoopbackUp,
  CLONE_NEWCGROUP,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_PARENT,
  chdir,
  chdirInRoot,
  chroot,
  clone3,
  closeQuietly,
  codeOf,
  consoleSocket,
  controllingTerminal,
  dieWithParent,
  enterConsole,
  exit,
  failedWith,
  failurePipe,
  findHierarchy,
  getpid,
  groupDirectory,
  hideSecrets,
  isFrozen,
  keepingDeathSignal,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  makeConsole,
  mount,
  namespaceId,
  openGroup,
  type Pipe,
  payload,
  pidfdOpen,
  pipe,
  readToEnd,
  setForegroundGroup,
  setgroups,
  sethostname,
  setns,
  setPropagation,
  setpgid,
  setresgid,
  setresuid,
  shellStatus,
  socketpair,
  steps,
  ToolError,
  takeAllSignals,
  umount2,
  uninterrupted,
  unshare,
  unshareFs,
  waitpid,
  writeKernelFile,
} from "@contain-tools/kernel";

import type { Plan, Wanted } from "./cli.ts";
import { writeMaps } from "./idmap.ts";

const flagsOf = (wanted: readonly Wanted[]) => wanted.reduce((bits, { kind }) => bits | kind.flag, 0);

/** Does it all in this very process, for plans that need no child: same PID, no parent left behind. */
export function enterInPlace(plan: Plan): void {
  if (plan.target !== undefined) {
    const files = openTargets(plan);
    if (flagsOf(plan.wanted) & CLONE_NEWNS) unshareFs(); // setns(2): the root and working directory must not be shared with a thread
    join(files);
  } else if (plan.wanted.length > 0) {
    const keeper = startKeeper(plan);
    announce(plan);
    unshare(flagsOf(plan.wanted));
    keeper();
  }
  setUp(plan);
}

/** A child in its namespaces, which goes on as `body`. */
export interface Spawned {
  readonly pid: number;
  /** The tool that failed before the program was started; to be read when the child has ended. */
  readonly failed: () => string | undefined;
  /** Readable as soon as that is known: the program was started, or something failed. */
  readonly report: number;
  /** With --tty: where the master of the pseudo-terminal will come from. */
  readonly console: number | undefined;
}

/**
 * Makes the child of a plan with `fork`. All signals are blocked from here on, so that none is lost before the caller waits for them.
 *
 * @throws SyscallError; nothing is left behind then
 */
export function spawn(plan: Plan, body: () => never): Spawned {
  takeAllSignals();
  const report = pipe();
  const gate = pipe();
  const made = pipe();
  const self = pidfdOpen(getpid());
  const [console, inner] = plan.tty ? socketpair() : [];
  const cgroup = plan.intoCgroup === undefined ? undefined : openCgroup(plan.intoCgroup);
  const child = () => {
    failurePipe.fd = report.write;
    closeSync(report.read);
    closeSync(gate.write);
    closeSync(made.read);
    if (cgroup !== undefined) closeSync(cgroup); // a directory of the host's, by which a working directory could lead out
    if (console !== undefined && inner !== undefined) {
      closeSync(console);
      consoleSocket.fd = inner;
    }
    dieWithParent(plan.deathSignal, self);
    if (plan.foreground) takeForeground();
    waitAt(gate); // until the maps are written
    if (plan.target === undefined) enterLate(plan);
    if (lateKept(plan).length > 0) release(made);
    waitAt(gate); // until all that is to be kept is kept
    closeSync(gate.read);
    body();
  };
  const pid = plan.target === undefined ? create(plan, cgroup, gate, made, child) : joinTarget(plan, cgroup, child);
  closeSync(report.write);
  closeSync(gate.read);
  closeSync(made.read);
  closeQuietly(made.write);
  if (cgroup !== undefined) closeSync(cgroup);
  release(gate);
  closeSync(self);
  if (inner !== undefined) closeSync(inner);
  let word: string | undefined;
  const failed = () => {
    word ??= readToEnd(report.read);
    return word || undefined;
  };
  return { pid, failed, report: report.read, console };
}

/** What the child of `spawn` does before it becomes the next program. */
export function inside(plan: Plan): void {
  setUp(plan);
}

/** The namespaces that the child itself makes. */
function lateFlags({ wanted, offsets }: Plan): number {
  return flagsOf(wanted) & (CLONE_NEWCGROUP | (offsets.length > 0 ? CLONE_NEWTIME : 0));
}

function lateKept(plan: Plan): Wanted[] {
  return plan.wanted.filter(({ kind, file }) => file !== undefined && kind.flag & lateFlags(plan));
}

function enterLate(plan: Plan): void {
  const late = lateFlags(plan);
  // A cgroup namespace's root is the group its maker is in: ours, not our parent's, so it is made here (cgroup_namespaces(7)).
  if (late & CLONE_NEWCGROUP) unshare(CLONE_NEWCGROUP);
  if (late & CLONE_NEWTIME) enterTimeNamespace(plan);
}

function create(plan: Plan, cgroup: number | undefined, gate: Pipe, made: Pipe, child: () => never): number {
  const late = lateFlags(plan);
  announce(plan);
  const { pid, entered } = cloneIntoCgroup(flagsOf(plan.wanted) & ~late, cgroup, child);
  const kept: string[] = [];
  try {
    if (!entered && plan.intoCgroup !== undefined) writeKernelFile(`${cgroupPath(plan.intoCgroup)}/cgroup.procs`, `${pid}`);
    writeMaps(pid, plan.maps);
    for (const wanted of plan.wanted) if (!(wanted.kind.flag & late)) keep(pid, wanted, kept);
    if (lateKept(plan).length > 0) {
      writeSync(gate.write, "1");
      closeSync(made.write);
      if (readToEnd(made.read) === "")
        letGo(kept); // it failed, and has explained itself
      else for (const wanted of lateKept(plan)) keep(pid, wanted, kept);
    }
  } catch (error) {
    letGo(kept);
    closeSync(gate.write); // end of file: the child exits
    closeSync(gate.read);
    waitpid(pid, 0);
    throw error;
  }
  return pid;
}

/** clone3 with CLONE_INTO_CGROUP, or without it where the kernel (before 5.7) or a seccomp filter does not know it. */
function cloneIntoCgroup(bits: number, cgroup: number | undefined, child: () => never): { pid: number; entered: boolean } {
  try {
    return { pid: clone3({ flags: bits, cgroup }, child), entered: true };
  } catch (error) {
    if (cgroup === undefined || !failedWith(error, "EINVAL", "ENOSYS", "E2BIG")) throw error;
    return { pid: clone3({ flags: bits }, child), entered: false };
  }
}

/**
 * A child in the namespaces of another process. To join a PID namespace two are needed: the first one joins, and its own child,
 * which alone is in that PID namespace, is made with CLONE_PARENT and so becomes ours. The first one is single-threaded,
 * which setns(2) asks for with user and time namespaces.
 */
function joinTarget(plan: Plan, cgroup: number | undefined, child: () => never): number {
  const files = openTargets(plan);
  const bits = flagsOf(plan.wanted);
  if (!(bits & CLONE_NEWPID)) {
    return cloneIntoCgroup(0, cgroup, () => {
      hideSecrets(plan.areas, "nsexec");
      join(files);
      return child();
    }).pid;
  }
  const answer = pipe();
  const first = clone3({ flags: 0 }, () => {
    hideSecrets(plan.areas, "nsexec"); // the container's processes can look at us from here on
    join(files);
    const { pid } = cloneIntoCgroup(CLONE_PARENT, cgroup, () => {
      closeSync(answer.read);
      closeSync(answer.write); // the answer ends when its writers are gone
      return child();
    });
    writeSync(answer.write, `${pid}`);
    exit(0);
  });
  closeSync(answer.write);
  const pid = Number(readToEnd(answer.read));
  closeSync(answer.read);
  const status = shellStatus(waitpid(first, 0)?.status ?? 0);
  if (status !== 0 || pid === 0) exit(status || 125); // it has explained itself
  return pid;
}

/** Waits until the process at the other end lets us go on; ends when it gave up, or died. */
function waitAt({ read }: Pipe): void {
  if (uninterrupted(() => readSync(read, Buffer.alloc(1))) === 0) exit(125);
}

/** Lets the process at the other end of a gate go on, to its end. If it has died meanwhile (EPIPE), its wait status tells. */
function release({ write }: Pipe): void {
  try {
    writeSync(write, "11");
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  }
  closeSync(write);
}

interface Joined {
  readonly fd: number;
  readonly bits: number;
  readonly what: string;
}

/** Opens everything to be joined, before the first setns changes what a path means. */
function openTargets({ target = 0, wanted }: Plan): Joined[] {
  const own = wanted.filter(({ file, kind }) => file === undefined && isForeign(target, kind.file));
  const files = wanted.flatMap(({ file, kind }) => (file === undefined ? [] : [{ fd: openSync(file, "r"), bits: kind.flag, what: file }]));
  if (own.length === 0) return files;
  return [{ fd: pidfdOpen(target), bits: flagsOf(own), what: `pidfd of ${target}` }, ...files];
}

/** False for a namespace that this process is in already (one's own user namespace cannot be joined), or that the kernel does not have. */
function isForeign(target: number, file: string): boolean {
  const there = namespaceId(target, file);
  if (there === undefined && !existsSync(`/proc/self/ns/${file}`)) return false;
  return there === undefined || there !== namespaceId("self", file);
}

function join(files: readonly Joined[]): void {
  for (const { fd, bits, what } of files) {
    setns(fd, bits, what);
    closeSync(fd);
    if (bits & CLONE_NEWUSER) becomeRootInside();
  }
}

/** After joining a user namespace: its root, if it has one, as nsenter(1) does. Its /proc may be another PID namespace's, so it is not asked. */
function becomeRootInside(): void {
  dropGroups();
  for (const become of [setresgid, setresuid]) {
    try {
      become(0);
    } catch (error) {
      if (!failedWith(error, "EINVAL")) throw error; // id 0 is not mapped there
    }
  }
}

function dropGroups(): void {
  try {
    setgroups([]);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error; // setgroups is denied in this user namespace: the groups stay
  }
}

function announce({ wanted }: Plan): void {
  if (wanted.length > 0) steps.say(`creating namespaces: ${wanted.map(({ kind }) => kind.file).join(" ")}`);
}

/** A process group of its own, in the terminal's foreground. SIGTTOU is blocked here like all signals. */
function takeForeground(): void {
  setpgid(0, 0);
  const fd = controllingTerminal();
  if (fd !== undefined) setForegroundGroup(fd, getpid());
}

/** The settings inside: host name, propagation, root, working directory, /proc, ids; in unshare(1)'s order. */
function setUp(plan: Plan): void {
  const creates = (bit: number) => plan.target === undefined && (flagsOf(plan.wanted) & bit) !== 0;
  if (plan.hostname !== undefined) {
    steps.say(`setting hostname: ${plan.hostname}`);
    sethostname(plan.hostname);
  }
  if (plan.loopback) bringLoopbackUp();
  if (creates(CLONE_NEWNS) && plan.propagation !== "unchanged") setPropagation(plan.propagation);
  if (joinsMounts(plan)) payload.inside = `the mount namespace of PID ${plan.target}`;
  if (plan.root !== undefined) {
    chroot(plan.root);
    chdir("/");
  }
  if (plan.wd !== undefined && joinsMounts(plan)) chdirAmongOthers(plan.wd, plan.target);
  else if (plan.wd !== undefined) chdir(plan.wd);
  if (plan.mountProc !== undefined) mount("proc", plan.mountProc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (plan.clearEnv) payload.env = {};
  for (const variable of plan.env) {
    const at = variable.indexOf("=");
    payload.env[variable.slice(0, at)] = variable.slice(at + 1);
  }
  if (plan.uid !== undefined || plan.gid !== undefined) {
    keepingDeathSignal(() => {
      if (plan.gid !== undefined) {
        dropGroups();
        setresgid(plan.gid);
      }
      if (plan.uid !== undefined) setresuid(plan.uid);
    });
  }
  if (plan.makesTty) enterConsole(makeConsole("/dev/ptmx"));
}

/** Among the mounts of others a path is theirs to lay out. */
function chdirAmongOthers(path: string, pid: number | undefined): void {
  try {
    chdirInRoot(path);
  } catch (error) {
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
    throw new ToolError(`--wd ${path}: no such directory in the mount namespace of PID ${pid}`, undefined, 125, { cause: error });
  }
}

const joinsMounts = ({ target, wanted }: Plan) => target !== undefined && (flagsOf(wanted) & CLONE_NEWNS) !== 0;

/** A new time namespace takes offsets only while it is empty: made, written, and only then entered (time_namespaces(7)). */
function enterTimeNamespace({ offsets }: Plan): void {
  unshare(CLONE_NEWTIME);
  for (const { clock, seconds } of offsets) writeKernelFile("/proc/self/timens_offsets", `${clock} ${seconds} 0\n`);
  const fd = openSync("/proc/self/ns/time_for_children", "r");
  setns(fd, CLONE_NEWTIME, "/proc/self/ns/time_for_children");
  closeSync(fd);
}

/** Keeps a namespace alive without a process: its file in /proc bind-mounted on FILE (namespaces(7)). */
function keep(pid: number | "self", { kind, file }: Wanted, kept: string[], name = kind.file): void {
  if (file === undefined) return;
  mount(`/proc/${pid}/ns/${name}`, file, null, MS_BIND);
  kept.push(file);
}

function letGo(kept: readonly string[]): void {
  for (const file of kept) umount2(file, 0);
}

/** For a plan without fork: who binds the kept files. With a new mount namespace it must be somebody who stays in the old one. */
function startKeeper({ wanted }: Plan): () => void {
  const kept = wanted.filter(({ file }) => file !== undefined);
  const bind = (pid: number | "self") => {
    const done: string[] = [];
    try {
      for (const namespace of kept) keep(pid, namespace, done, namespace.kind.forChildren);
    } catch (error) {
      letGo(done);
      throw error;
    }
  };
  if (kept.length === 0 || !(flagsOf(wanted) & CLONE_NEWNS)) return () => bind("self");
  const gate = pipe();
  const pid = getpid();
  const helper = clone3({ flags: 0 }, () => {
    closeSync(gate.write);
    if (uninterrupted(() => readSync(gate.read, Buffer.alloc(1))) === 1) bind(pid);
    exit(0);
  });
  return () => {
    closeSync(gate.read);
    release(gate);
    const status = shellStatus(waitpid(helper, 0)?.status ?? 0);
    if (status !== 0) exit(status);
  };
}

function cgroupPath(path: string): string {
  return existsSync(`${path}/cgroup.procs`) ? path : groupDirectory(findHierarchy(), path);
}

function openCgroup(path: string): number {
  const dir = cgroupPath(path);
  if (!existsSync(`${dir}/cgroup.procs`))
    throw new ToolError(
      `--into-cgroup ${path}: there is no such cgroup`,
      "a path below the cgroup2 mount, as /proc/PID/cgroup shows it, or its directory; `cgset --name NAME --memory …` makes one",
    );
  if (isFrozen(dir)) {
    throw new ToolError(
      `--into-cgroup ${path}: the group is frozen`,
      "a process born in a frozen group hangs and takes not even SIGKILL before it is thawed: cgset --name NAME --thaw",
    );
  }
  return openGroup(dir);
}
