// Words to plan: which namespaces to make or to join, and what to set up in them. Option names are unshare(1)'s and nsenter(1)'s.
import { existsSync } from "node:fs";
import {
  type Areas,
  type Chain,
  holdsTerminal,
  inForeground,
  isBackgroundJob,
  NAMESPACES,
  type NamespaceKind,
  type Next,
  type Options,
  parseCount,
  parseSignal,
  prepareFork,
  quote,
  readAreas,
  readUser,
  SIGKILL,
  someLink,
  UsageError,
  type UserWords,
  withCommon,
} from "@contain-tools/kernel";
import { type IdMaps, readMaps } from "./maps.ts";
import { type PastaPlan, readPasta } from "./pasta.ts";
import { readShift, type Shifted } from "./shift.ts";

const kind = (alias: string, description: string) =>
  ({ type: "boolean", alias, optionalValue: true, valueHint: "FILE", description }) as const;

export const options = withCommon({
  mount: kind("m", "new mount namespace, or with -t that of the target; =FILE keeps it there (with -t: joins that file's)"),
  uts: kind("u", "the same for the UTS namespace (host name)"),
  ipc: kind("i", "the same for the IPC namespace"),
  net: kind("n", "the same for the network namespace; a new one has loopback, up"),
  pid: kind("p", "the same for the PID namespace; implies --fork"),
  user: kind("U", "the same for the user namespace; implies --fork"),
  cgroup: kind("C", "the same for the cgroup namespace"),
  time: kind("T", "the same for the time namespace; implies --fork"),
  all: { type: "boolean", alias: "a", description: "all kinds but the user namespace; with -t all that the target has" },
  target: { type: "string", alias: "t", valueHint: "PID", description: "join namespaces of this process instead of making new ones" },
  fork: { type: "boolean", alias: "f", description: "run PROG in a child, and stay as its transparent parent" },
  "kill-child": {
    type: "boolean",
    optionalValue: true,
    valueHint: "SIG",
    description: "the signal the child gets when nsexec dies; KILL when it forks, `none` to let it live on",
  },
  foreground: {
    type: "boolean",
    description: "run PROG in a process group of its own, in the terminal's foreground if nsexec is; a background job of a shell stays one",
  },
  "own-group": {
    type: "boolean",
    description: "run PROG in a process group of its own: kill(2) with 0 reaches the caller's otherwise, in whatever PID namespace",
  },
  tty: {
    type: "boolean",
    description:
      "PROG gets a pseudo-terminal, which nsexec joins to the terminal it has itself; a `pivot --tty` behind makes it, else nsexec; implies --fork",
  },
  "into-cgroup": { type: "string", valueHint: "PATH", description: "the child is born in this cgroup (CLONE_INTO_CGROUP); implies --fork" },
  "map-root-user": { type: "boolean", alias: "r", description: "be root inside: map the effective ids to 0; implies --user" },
  "map-current-user": { type: "boolean", alias: "c", description: "map the effective ids to themselves; implies --user" },
  "map-user": { type: "string", valueHint: "UID", description: "map the effective user id to this one inside; implies --user" },
  "map-group": { type: "string", valueHint: "GID", description: "map the effective group id to this one inside; implies --user" },
  "map-users": {
    type: "string",
    valueHint: "IN:OUT:N",
    repeat: true,
    description: "map N user ids from OUT outside to IN inside; implies --user",
  },
  "map-groups": {
    type: "string",
    valueHint: "IN:OUT:N",
    repeat: true,
    description: "map N group ids from OUT outside to IN inside; implies --user",
  },
  "map-auto": { type: "boolean", description: "map the ranges of /etc/subuid and /etc/subgid from 0 on; implies --user" },
  shift: {
    type: "string",
    valueHint: "PATH",
    repeat: true,
    description: "start from a root that has these PATHs alone, /proc and /dev; their owners are shifted as the maps say (idmapped mounts)",
  },
  "ro-shift": { type: "string", valueHint: "PATH", repeat: true, description: "the same, and nobody inside can make PATH writable" },
  unshifted: { type: "string", valueHint: "PATH", repeat: true, description: "PATH is there too, its owners as they are" },
  setgroups: { type: "string", valueHint: "allow|deny", description: "may setgroups(2) be called inside" },
  propagation: {
    type: "string",
    valueHint: "private|slave|shared|unchanged",
    description: "propagation of all mounts in a new mount namespace (private)",
  },
  "mount-proc": { type: "boolean", optionalValue: true, valueHint: "DIR", description: "mount proc on /proc or DIR; implies --mount" },
  hostname: { type: "string", valueHint: "NAME", description: "set the host name; implies --uts" },
  wd: { type: "string", alias: "w", valueHint: "DIR", description: "change the working directory" },
  env: { type: "string", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for what runs inside" },
  "clear-env": { type: "boolean", description: "start from an empty environment" },
  root: { type: "string", alias: "R", valueHint: "DIR", description: "chroot to DIR" },
  setuid: { type: "string", alias: "S", valueHint: "UID", description: "set the user id" },
  as: {
    type: "string",
    valueHint: "UID[:GID]",
    description: "who PROG is: numbers, or names of the /etc/passwd and /etc/group that are found inside; sets HOME where there is none",
  },
  setgid: { type: "string", alias: "G", valueHint: "GID", description: "set the group id, and drop supplementary groups" },
  pasta: {
    type: "string",
    valueHint: "IP/BITS",
    description: "for an ordinary user: pasta(1) connects the new network namespace, whose eth0 has this address; implies --net and --fork",
  },
  publish: {
    type: "string",
    valueHint: "[IP:]HOST:CONT[/udp]",
    repeat: true,
    description: "with --pasta: port HOST outside leads to port CONT inside",
  },
  monotonic: { type: "string", valueHint: "SECONDS", description: "offset of CLOCK_MONOTONIC; implies --time" },
  boottime: { type: "string", valueHint: "SECONDS", description: "offset of CLOCK_BOOTTIME; implies --time" },
});
type Name = keyof typeof options;

/** A namespace to make or to join. */
export interface Wanted {
  readonly kind: NamespaceKind;
  /** Where to keep a new one, or which one to join. */
  readonly file: string | undefined;
}

export interface Plan {
  readonly wanted: readonly Wanted[];
  /** The process whose namespaces are joined; undefined to make new ones. */
  readonly target: number | undefined;
  readonly fork: boolean;
  /** 0 for none. */
  readonly deathSignal: number;
  /** It gets a process group of its own, and the terminal with it. */
  readonly foreground: boolean;
  /** It gets a process group of its own alone. */
  readonly ownGroup: boolean;
  readonly hadTerminal: boolean;
  readonly tty: boolean;
  /** It is to be made here, of the devpts that PROG finds at /dev/pts. */
  readonly makesTty: boolean;
  readonly intoCgroup: string | undefined;
  readonly maps: IdMaps;
  /** What is in the new root; undefined to keep the caller's. */
  readonly shift: Shifted | undefined;
  readonly propagation: "private" | "slave" | "shared" | "unchanged";
  readonly mountProc: string | undefined;
  readonly hostname: string | undefined;
  readonly wd: string | undefined;
  readonly root: string | undefined;
  readonly env: readonly string[];
  readonly clearEnv: boolean;
  /** Our own command line and environment, to be overwritten in a process that joins others. */
  readonly areas: Areas | undefined;
  readonly user: UserWords | undefined;
  readonly pasta: PastaPlan | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly offsets: readonly { readonly clock: "monotonic" | "boottime"; readonly seconds: number }[];
  readonly next: Next;
}

const MAX_ID = 0xfffffffe; // (uid_t)-1 means "leave it" to the kernel

/** Reads nsexec's words. Nothing is changed. @throws UsageError */
export function readPlan(given: Options<Name>, chain: Chain): Plan {
  const targetWord = given.value("target");
  const target = targetWord === undefined ? undefined : parseCount("--target", targetWord, 1, 0x3fffff);
  const maps = readMaps(given);
  const wanted = readWanted(given, target, maps);
  const names = new Set(wanted.map((w) => w.kind.name));
  const propagation = given.value("propagation") ?? "private";
  if (propagation !== "private" && propagation !== "slave" && propagation !== "shared" && propagation !== "unchanged") {
    throw new UsageError(`--propagation ${propagation}: it is private, slave, shared or unchanged`);
  }
  if (given.has("tty") && given.has("foreground"))
    throw new UsageError("--tty and --foreground exclude each other", "a program on a pseudo-terminal has a session of its own");
  const wantsFork =
    given.has("tty") ||
    given.has("fork") ||
    given.has("into-cgroup") ||
    given.has("foreground") ||
    given.has("own-group") ||
    given.has("kill-child") ||
    given.has("pasta");
  const fork = wantsFork || names.has("pid") || names.has("user") || names.has("time");
  const foreground = given.has("foreground") && holdsTerminal();
  const as = given.value("as");
  if (as !== undefined && (given.has("setuid") || given.has("setgid")))
    throw new UsageError("--as excludes --setuid and --setgid", "it says all of who PROG is: UID[:GID]");
  if (fork) prepareFork();
  const words = given.rest.length > 0 ? given.rest : [process.env["SHELL"] ?? "/bin/sh"];
  const next = chain.next(
    words,
    given.has("root") || given.has("wd") || (target !== undefined && names.has("mount")) ? { elsewhere: true } : {},
  );
  return {
    wanted,
    target,
    fork,
    deathSignal: readDeathSignal(given.value("kill-child"), fork),
    foreground,
    ownGroup: given.has("own-group") || (given.has("foreground") && !foreground && !isBackgroundJob()),
    hadTerminal: fork && inForeground(),
    tty: given.has("tty"),
    makesTty: given.has("tty") && !someLink(next, ({ tool, plan }) => tool.name === "pivot" && (plan as { readonly tty: boolean }).tty),
    intoCgroup: given.value("into-cgroup"),
    maps,
    shift: readShift(given, names, maps),
    propagation,
    mountProc: given.has("mount-proc") ? (given.value("mount-proc") ?? "/proc") : undefined,
    hostname: readHostname(given.value("hostname")),
    wd: given.value("wd"),
    root: given.value("root"),
    env: given.all("env").map(readVariable),
    clearEnv: given.has("clear-env"),
    areas: target === undefined ? undefined : readAreas(),
    pasta: readPasta(given.value("pasta"), given.all("publish")),
    user: as === undefined ? undefined : readUser("--as", as),
    uid: readId("--setuid", given.value("setuid")),
    gid: readId("--setgid", given.value("setgid")),
    offsets: (["monotonic", "boottime"] as const).flatMap((clock) => {
      const text = given.value(clock);
      return text === undefined ? [] : [{ clock, seconds: parseCount(`--${clock}`, text, -(2 ** 40), 2 ** 40) }];
    }),
    next,
  };
}

function readWanted(given: Options<Name>, target: number | undefined, maps: IdMaps): Wanted[] {
  const implied = new Set<string>();
  if (target === undefined) {
    if (given.has("mount-proc")) implied.add("mount");
    if (given.has("hostname")) implied.add("uts");
    if (given.has("pasta")) implied.add("net");
    if (given.has("monotonic") || given.has("boottime")) implied.add("time");
    if (maps.user.length > 0 || maps.group.length > 0 || maps.setgroups !== undefined) implied.add("user");
  }
  const wanted = NAMESPACES.filter(
    ({ name }) => given.has(name) || implied.has(name) || (given.has("all") && (target !== undefined || name !== "user")),
  ).map((k) => ({
    kind: k,
    file: given.value(k.name),
  }));
  if (target !== undefined) {
    checkTarget(target, given);
    if (wanted.length === 0) throw new UsageError(`-t ${target}: which of its namespaces?`, "-m -u -i -n -p -U -C -T, or -a for all");
  }
  for (const { file, kind: k } of wanted) {
    if (file !== undefined && !existsSync(file)) {
      throw new UsageError(
        `--${k.name}=${file}: no such file`,
        target === undefined ? `a namespace is kept by a bind mount, which needs a file to lie on: touch ${quote(file)}` : undefined,
      );
    }
  }
  return wanted;
}

function checkTarget(target: number, given: Options<Name>): void {
  const creating = (
    ["monotonic", "boottime", "mount-proc", "propagation", "setgroups", "map-auto", "map-root-user", "map-user", "shift", "pasta"] as const
  ).find((name) => given.has(name));
  if (creating !== undefined) throw new UsageError(`--${creating} is for new namespaces, --target joins those of PID ${target}`);
  if (!existsSync(`/proc/${target}/ns`))
    throw new UsageError(`-t ${target}: there is no such process`, "PIDs are those that this PID namespace's /proc shows");
}

function readDeathSignal(word: string | undefined, fork: boolean): number {
  if (!fork || word === "none") return 0;
  return word === undefined ? SIGKILL : parseSignal(word);
}

function readVariable(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new UsageError(`--env ${text}: it is NAME=VALUE`);
  return text;
}

function readHostname(name: string | undefined): string | undefined {
  if (name === undefined || Buffer.byteLength(name) <= 64) return name;
  throw new UsageError(
    `--hostname ${name}: it has ${Buffer.byteLength(name)} bytes`,
    "a host name has at most 64 (uname(2), __NEW_UTS_LEN)",
  );
}

function readId(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseCount(option, text, 0, MAX_ID);
}
