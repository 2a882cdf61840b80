// --confine: docker's restrictions, as words for confine, and the remarks without them.
import type { Options } from "@contain-tools/chain";
import { defaultCapabilities, readCapabilities } from "@contain-tools/confine";
import { CAPABILITIES, resolve, UsageError } from "@contain-tools/kernel";
import type { RunOption } from "./options.ts";

const OWN = ["cap-add", "cap-drop", "seccomp", "device-cgroup-rule", "trace-denied"] as const;

/** confine and its options, as for `contain exec`; nothing without --confine. @throws UsageError */
export function confineWords(given: Options<RunOption>): string[] {
  if (!given.has("confine")) {
    const alone = OWN.find((name) => given.has(name));
    if (alone !== undefined) throw new UsageError(`--${alone} needs --confine`, `--confine --${alone} …`);
    // Options that need no --confine: the one of docker's security options, and those that take nothing away.
    const words = [...(given.has("security-opt") ? ["--no-new-privs"] : []), ...attributeWords(given)];
    return words.length === 0 ? [] : ["confine", ...words, "--"];
  }
  return ["confine", ...privilegeWords(given), ...filterWords(given), "--"];
}

/** The tools before the program: confine, or with --init: confine, pid1, confine. pid1 has to fork, so the filter comes after it. */
export function railWords(given: Options<RunOption>): string[] {
  if (!given.has("init")) return confineWords(given);
  if (!given.has("confine")) return [...confineWords(given), "pid1", "--"];
  const filter = ["confine", "--keep", keptCapabilities(given), ...filterWords(given), "--"]; // the profile depends on the remaining ones
  return ["confine", ...privilegeWords(given), "--", "pid1", "--", ...filter];
}

function privilegeWords(given: Options<RunOption>): string[] {
  const user = given.value("user");
  // confine changes the user instead of pivot: an ordinary user cannot lower the bounding set.
  return ["--keep", keptCapabilities(given), "--no-new-privs", ...attributeWords(given), ...(user === undefined ? [] : ["--user", user])];
}

/** The program's attributes besides its privileges. */
function attributeWords(given: Options<RunOption>): string[] {
  return (["oom-score-adj", "umask"] as const).flatMap((name) => {
    const value = given.value(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
}

/** The FILE of --seccomp. */
export function profileFile(given: Options<RunOption>): string | undefined {
  const profile = given.has("confine") ? given.value("seccomp") : undefined;
  return profile === undefined || profile === "default" || profile === "none" ? undefined : resolve(profile);
}

function filterWords(given: Options<RunOption>): string[] {
  return ["--seccomp", profileFile(given) ?? given.value("seccomp") ?? "default", ...(given.has("trace-denied") ? ["--trace-denied"] : [])];
}

/** docker's rule: with `all` in one list, only the other list counts. */
function keptCapabilities(given: Options<RunOption>): string {
  const read = (name: "cap-add" | "cap-drop") => given.all(name).reduce((all, text) => all | readCapabilities(`--${name}`, text), 0n);
  const [added, dropped] = [read("cap-add"), read("cap-drop")];
  if (added === 0n && dropped === 0n) return "default";
  const everything = readCapabilities("--cap-drop", "all");
  const kept = dropped === everything ? added : (defaultCapabilities() | added) & ~dropped;
  const names = CAPABILITIES.filter((_, number) => (kept >> BigInt(number)) & 1n).map((name) => name.slice(4).toLowerCase());
  return names.length === 0 ? "none" : names.join(",");
}

interface Ids {
  readonly rootless: boolean;
  /** It has its own ids (--userns auto). */
  readonly ids: boolean;
  readonly ownUserNamespace: boolean;
}

/** The remark on a container without --confine. */
export function describeNone(given: Options<RunOption>, { rootless, ids, ownUserNamespace }: Ids): string | undefined {
  if (given.has("confine")) return undefined;
  const whoInside = given.has("user")
    ? "what the kernel lets this user do outside, it does inside"
    : rootless
      ? "root inside is you outside"
      : ownUserNamespace
        ? "root inside is root outside, with no capabilities there"
        : "root inside is root outside";
  const who = ids ? "processes inside have unprivileged ids outside, but own the files of the root and volumes as on disk" : whoInside;
  const privileged = given.has("privileged") ? "--privileged changes nothing: without --confine nothing is taken away from root. " : "";
  return `${privileged}confinement: none; ${who}. --confine adds docker's rails.`;
}
