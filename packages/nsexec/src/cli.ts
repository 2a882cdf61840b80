// Words to plan: which namespaces to make or join, and what to set up in them.
import { type Chain, type Options, rawVariables, readUser, someLink } from "@contain-tools/chain";
import {
  holdsTerminal,
  inForeground,
  isBackgroundJob,
  parseCount,
  parseSignal,
  prepareFork,
  readAreas,
  SIGKILL,
  UsageError,
} from "@contain-tools/kernel";
import { readPasta } from "@contain-tools/pasta";
import { readOffsets } from "./clocks.ts";
import { readLeave } from "./leave.ts";
import { type IdMaps, readMaps } from "./maps.ts";
import type { Name } from "./options.ts";
import type { Plan } from "./plan.ts";
import { readShift } from "./shift.ts";
import { readLock } from "./steps/lock.ts";
import { environmentOf, followedId } from "./steps/target.ts";
import { joinsMounts, readWanted } from "./wanted.ts";

const MAX_ID = 0xfffffffe; // (uid_t)-1 means "leave it" to the kernel

/** Reads nsexec's words. Nothing is changed. @throws UsageError */
export function readPlan(given: Options<Name>, chain: Chain): Plan {
  const targetWord = given.value("target");
  const target = targetWord === undefined ? undefined : parseCount("--target", targetWord, 1, 0x3fffff);
  const maps = readMaps(given);
  const { wanted, joined } = readWanted(given, target, maps);
  const names = new Set([...wanted, ...joined].map((w) => w.kind.name));
  const leave = readLeave(given);
  const propagation = given.value("propagation") ?? "private";
  if (propagation !== "private" && propagation !== "slave" && propagation !== "shared" && propagation !== "unchanged") {
    throw new UsageError(`--propagation ${propagation}: must be private, slave, shared or unchanged`);
  }
  if (given.has("tty") && given.has("foreground"))
    throw new UsageError("--tty and --foreground exclude each other", "a program on a pseudo-terminal has its own session");
  const wantsFork =
    given.has("tty") ||
    given.has("fork") ||
    given.has("into-cgroup") ||
    given.has("foreground") ||
    given.has("own-group") ||
    given.has("kill-child") ||
    leave !== undefined ||
    given.has("pasta");
  const fork = wantsFork || names.has("pid") || names.has("user") || names.has("time");
  const foreground = given.has("foreground") && holdsTerminal();
  const as = given.value("as");
  if (as !== undefined && (given.has("setuid") || given.has("setgid")))
    throw new UsageError("--as excludes --setuid and --setgid", "it gives both ids: UID[:GID]");
  checkGroups(given, names, maps);
  if (given.has("target-env") && target === undefined)
    throw new UsageError("--target-env: missing --target", "--target PID names the process");
  if (fork) prepareFork();
  const targetEnv = given.has("target-env") && target !== undefined ? environmentOf(target) : undefined;
  const words = given.rest.length > 0 ? given.rest : [process.env["SHELL"] ?? "/bin/sh"];
  const next = chain.next(
    words,
    given.has("root") || given.has("wd") || given.has("wdns") || joinsMounts({ joined }) ? { pathsMoved: true } : {},
  );
  return {
    entersRoot: true,
    wanted,
    joined,
    target,
    fork,
    deathSignal: readDeathSignal(given.value("kill-child"), fork && leave === undefined),
    foreground,
    ownGroup: given.has("own-group") || (given.has("foreground") && !foreground && !isBackgroundJob()),
    hadTerminal: fork && inForeground(),
    tty: given.has("tty"),
    makesTty: given.has("tty") && !someLink(next, ({ plan }) => plan.makesTerminal === true),
    intoCgroup: given.value("into-cgroup"),
    maps,
    shift: readShift(given, names, maps),
    lock: readLock(given, names),
    propagation,
    mountProc: given.has("mount-proc") ? (given.value("mount-proc") ?? "/proc") : undefined,
    hostname: readName("hostname", given.value("hostname")),
    domainname: readName("domainname", given.value("domainname")),
    ...readDirectories(given, target !== undefined || joinsMounts({ joined })),
    netSocket: readNetSocket(given, target),
    root: given.value("root"),
    env: [...(targetEnv === undefined ? [] : variablesOf(targetEnv)), ...given.all("env").map(readVariable)],
    rawEnv: targetEnv === undefined ? [] : rawVariables(targetEnv),
    clearEnv: given.has("clear-env") || given.has("target-env"),
    areas: target === undefined && joined.length === 0 ? undefined : readAreas(),
    keyring: readKeyring(given.value("keyring")),
    pasta: readPasta(given.value("pasta"), given.all("publish")),
    user: as === undefined ? undefined : readUser("--as", as),
    uid: readId("--setuid", given.value("setuid"), target, names),
    gid: readId("--setgid", given.value("setgid"), target, names),
    offsets: readOffsets(given),
    leave,
    next,
  };
}

/** If setgroups(2) is denied, --setgid could not drop the supplementary groups, and unshare(1) refuses it too. */
function checkGroups(given: Options<Name>, names: ReadonlySet<string>, maps: IdMaps): void {
  if (given.has("setgroups") && !names.has("user"))
    throw new UsageError("--setgroups is for a new user namespace", "add --user, or a map: --map-root-user, --map-users IN:OUT:N");
  if (given.has("setgid") && maps.setgroups === "deny")
    throw new UsageError(
      "--setgid: setgroups is denied in this user namespace, so the supplementary groups would stay",
      "a map of only your own group, as with --map-root-user, requires that (user_namespaces(7)); --map-groups or --map-auto need not",
    );
}

function readDirectories(given: Options<Name>, isAmongOthers: boolean): Pick<Plan, "wd" | "wdns"> {
  if (!given.has("wdns")) return { wd: given.value("wd"), wdns: undefined };
  if (given.has("wd")) throw new UsageError("--wd and --wdns exclude each other", "one is opened outside, the other one inside");
  const directory = given.value("wdns");
  return isAmongOthers ? { wd: undefined, wdns: directory } : { wd: directory, wdns: undefined };
}

function readNetSocket(given: Options<Name>, target: number | undefined): number | undefined {
  const text = given.value("net-socket");
  if (text === undefined) return undefined;
  if (target === undefined) throw new UsageError("--net-socket: missing --target", "--target PID names the process");
  if (given.has("net")) throw new UsageError("--net and --net-socket exclude each other", "a process is in one network namespace");
  return parseCount("--net-socket", text, 0, 0x7fffffff);
}

function readDeathSignal(word: string | undefined, fork: boolean): number {
  if (!fork || word === "none") return 0;
  return word === undefined ? SIGKILL : parseSignal(word);
}

function variablesOf(block: Buffer): string[] {
  return block
    .toString()
    .split("\0")
    .filter((entry) => entry.indexOf("=") > 0);
}

function readVariable(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new UsageError(`--env ${text}: must be NAME=VALUE`);
  return text;
}

function readName(option: "hostname" | "domainname", name: string | undefined): string | undefined {
  if (name === undefined || Buffer.byteLength(name) <= 64) return name;
  throw new UsageError(
    `--${option} ${name}: it has ${Buffer.byteLength(name)} bytes`,
    "the kernel takes at most 64 (uname(2), __NEW_UTS_LEN)",
  );
}

function readKeyring(name: string | undefined): string | undefined {
  if (name?.startsWith(".")) throw new UsageError(`--keyring ${name}: a name that starts with a dot is the kernel's (keyctl(2))`);
  return name;
}

function readId(
  option: "--setuid" | "--setgid",
  text: string | undefined,
  target: number | undefined,
  names: ReadonlySet<string>,
): number | undefined {
  if (text === "follow" && target !== undefined) return followedId(option, target, names.has("user"));
  return text === undefined ? undefined : parseCount(option, text, 0, MAX_ID);
}
