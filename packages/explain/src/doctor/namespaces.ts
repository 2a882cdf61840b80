// Namespaces: each kind, its limit, and what an ordinary user gets.
import { type Evidence, evidenceFrom } from "@contain-tools/chain";
import { exists, NAMESPACES, type NamespaceKind, readIfThere, readMountInfo, statusField } from "@contain-tools/kernel";
import { type Attempt, flagOf, isPrivileged, type Tried, tryAsUser, tryNamespaces } from "./attempts.ts";
import { answered, asRoot, type Check, cannotTell, check, hasProc, quoteEvidence, type Verdict } from "./check.ts";

export function namespaceChecks(): Check[] {
  let all: Attempt | undefined;
  const attempt = () => {
    all ??= tryNamespaces();
    return all;
  };
  return [
    ...NAMESPACES.map((kind) => check(`${kind.name} namespace`, () => namespace(kind, attempt()))),
    check("user namespace, unprivileged", unprivileged),
  ];
}

const limitFile = (kind: NamespaceKind) => `/proc/sys/user/max_${kind.file}_namespaces`;
const limitOf = (kind: NamespaceKind) => evidenceFrom(limitFile(kind), "namespaces(7): how many one user may have in this user namespace");

function namespace(kind: NamespaceKind, { tried, problem }: Attempt): Verdict {
  const limit = limitOf(kind);
  const call = `unshare(${flagOf(kind)})`;
  const own = tried.find((one) => one.call === call);
  if (own === undefined) {
    const [first] = tried;
    return cannotTell(`the child that tries ${call} ${problem ?? `could not be made: ${first?.call}: ${first?.answer}`}`, [limit]);
  }
  const evidence = [answered(call, own.answer, "unshare(2)"), limit];
  const inUser = isPrivileged() || kind.name === "user" ? "" : " in a new user namespace";
  if (own.answer === "0") return { state: "ok", text: `${call} works${inUser}; ${quoteEvidence(limit)}`, evidence };
  if (own.answer === "EINVAL" && hasProc() && !exists(`/proc/self/ns/${kind.file}`)) {
    const text = `${call}: EINVAL, and there is no /proc/self/ns/${kind.file}: the kernel is built without it`;
    return {
      state: "missing",
      text,
      evidence,
      fix: `a kernel with CONFIG_${kind.name === "mount" ? "NAMESPACES" : kind.name.toUpperCase()}_NS`,
    };
  }
  return { state: "limited", text: `${call}: ${own.answer}; ${quoteEvidence(limit)}`, evidence, fix: mendOf(own, kind) };
}

function mendOf({ answer, hint }: Tried, kind: NamespaceKind): string | undefined {
  return answer === "ENOSPC" ? asRoot(`sysctl user.max_${kind.file}_namespaces=10000 (ENOSPC: the limit is reached)`) : hint;
}

interface Switch {
  readonly file: string;
  readonly forbids: string;
  readonly fix: string;
  readonly rule: string;
}

/** Files from patches of distributions; on other kernels they do not exist. */
const SWITCHES: readonly Switch[] = [
  {
    file: "/proc/sys/kernel/unprivileged_userns_clone",
    forbids: "0",
    fix: asRoot("sysctl kernel.unprivileged_userns_clone=1"),
    rule: "Debian's and Ubuntu's kernels: 0 forbids user namespaces to everybody without CAP_SYS_ADMIN",
  },
  {
    file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    forbids: "1",
    fix: `an AppArmor profile with \`userns,\` for the program, or ${asRoot("sysctl kernel.apparmor_restrict_unprivileged_userns=0")}`,
    rule: "AppArmor: 1 takes the capabilities in a user namespace from programs without a profile that has `userns,`",
  },
];

function unprivileged(): Verdict {
  const who = process.geteuid?.() === 0 ? "as uid 65534" : `as uid ${process.geteuid?.()}`;
  const { tried, problem } = tryAsUser();
  const switches = SWITCHES.filter(({ file }) => exists(file)).map((entry) => ({
    ...entry,
    found: evidenceFrom(entry.file, entry.rule),
  }));
  const limit = evidenceFrom("/proc/sys/user/max_user_namespaces", "user_namespaces(7): 0 forbids them to everybody");
  const files: Evidence[] = [...switches.map(({ found }) => found), limit];
  const evidence = [...tried.map(({ call, answer }) => answered(call, answer, "user_namespaces(7)")), ...files];
  const seen = files.map(quoteEvidence).join("; ");
  const last = tried.at(-1);
  if (last === undefined || problem !== undefined) return cannotTell(`the child that tries it ${who} ${problem}; ${seen}`, evidence);
  if (last.answer === "0") return { state: "ok", text: `unshare(CLONE_NEWUSER) works ${who}, with capabilities in it; ${seen}`, evidence };
  if (!/^(unshare|sethostname)/.test(last.call))
    return cannotTell(`${last.call}: ${last.answer}, so it was not tried ${who}; ${seen}`, evidence);
  const text = `${last.call} ${who}: ${last.answer}`;
  const fault = switches.find(({ found, forbids }) => found.value === forbids);
  if (last.answer === "ENOSPC" && limit.value === "0")
    return { state: "limited", text: `${text}; ${quoteEvidence(limit)}`, evidence, fix: asRoot("sysctl user.max_user_namespaces=10000") };
  if (last.answer === "EINVAL" && hasProc() && !exists("/proc/self/ns/user"))
    return { state: "missing", text: `${text}; there is no /proc/self/ns/user`, evidence, fix: "a kernel with CONFIG_USER_NS" };
  if ((last.answer === "EPERM" || last.answer === "EACCES") && fault !== undefined)
    return { state: "limited", text: `${text}; ${quoteEvidence(fault.found)}`, evidence, fix: fault.fix };
  const { why, also } = otherReasons();
  return { state: "limited", text: `${text}; cannot tell why: ${why}; ${seen}`, evidence: [...evidence, ...also], fix: last.hint };
}

/** Why a user namespace is refused if no file says so. */
function otherReasons(): { why: string; also: Evidence[] } {
  const seccomp = statusField(readIfThere("/proc/self/status") ?? "", "Seccomp");
  const also: Evidence[] =
    seccomp === undefined ? [] : [{ source: "/proc/self/status Seccomp", value: seccomp, rule: "proc_pid_status(5): 2 is a filter" }];
  if (seccomp === "2") return { why: "/proc/self/status Seccomp: 2, a filter is on this process and may refuse it", also };
  if (!hasRootMount()) return { why: "/proc/self/mountinfo has no mount at /: a chroot, in which EPERM is the rule (unshare(2))", also };
  return { why: "no file here forbids it; a security module's log (dmesg, audit) would tell", also };
}

function hasRootMount(): boolean {
  try {
    return readMountInfo().some(({ mountPoint }) => mountPoint === "/");
  } catch {
    return true;
  }
}
