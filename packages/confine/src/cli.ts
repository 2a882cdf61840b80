// Words to plan: what is taken away, and the seccomp filter, made now: after pivot_root no library may be loaded.
import {
  type Chain,
  checkReadAgain,
  type Next,
  type Options,
  readUlimits,
  readUser,
  type UserWords,
  withCommon,
} from "@contain-tools/chain";
import {
  compileFilter,
  type Limit,
  landlockAbi,
  prepareFork,
  quote,
  readAreas,
  replaceReturn,
  runtimeEvents,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  UsageError,
} from "@contain-tools/kernel";
import { ALL_CAPABILITIES, readCapabilities } from "./capabilities.ts";
import { readProfile } from "./profile.ts";
import { type Circumstances, checkStillNeeded } from "./stillneeded.ts";
import type { Traced } from "./watcher.ts";

export const options = withCommon({
  caps: { type: "string", valueHint: "LIST", description: "the capabilities that PROG has, whoever it is: ambient too, and no others" },
  keep: { type: "string", valueHint: "LIST", description: "the capabilities that are left to root; `default` means docker's fourteen" },
  drop: { type: "string", valueHint: "LIST", description: "the capabilities that are taken away" },
  "no-new-privs": { type: "boolean", description: "set-user-ID programs and capabilities of files give nothing" },
  user: { type: "string", alias: "u", valueHint: "UID[:GID]", description: "who PROG is: numbers, or names of /etc/passwd and /etc/group" },
  ulimit: { type: "string", valueHint: "NAME=SOFT[:HARD]", repeat: true, description: "a resource limit of PROG (getrlimit(2))" },
  seccomp: {
    type: "string",
    valueHint: "default|FILE|none",
    description: "the system calls that PROG may make: docker's default profile, or a FILE.json in docker's format; sets no_new_privs",
  },
  landlock: {
    type: "string",
    valueHint: "PATH[:ro|rw]",
    repeat: true,
    description: "no files but those below these paths, `ro` (the default) to read and execute; sets no_new_privs",
  },
  "trace-denied": { type: "boolean", description: "tell which call the filter refused, to which program, and what would allow it" },
});
type Name = keyof typeof options;

/** What becomes of the capabilities; capability N is bit N. */
export interface CapabilityPlan {
  readonly kept: bigint;
  /**
   * caps: they are given to PROG whoever it is, and must be there. keep: root has them, and nothing is inherited, lest a file's inheritable
   * capabilities gave them back (CVE-2022-24769). drop: what the caller has inherited stays.
   */
  readonly how: "caps" | "keep" | "drop";
}

export interface FilterPlan {
  readonly program: Buffer;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** undefined: refusals are not told. */
  readonly traced: Traced | undefined;
}

/** What --landlock leaves. */
export interface AllowedPath {
  readonly path: string;
  readonly writable: boolean;
}

export interface Plan {
  /** undefined: all stay. */
  readonly capabilities: CapabilityPlan | undefined;
  readonly noNewPrivileges: boolean;
  readonly user: UserWords | undefined;
  readonly limits: readonly Limit[];
  /** Empty: files are not restricted. */
  readonly paths: readonly AllowedPath[];
  readonly filter: FilterPlan | undefined;
  readonly next: Next;
}

/** Reads confine's words. Nothing is changed. @throws UsageError; ToolError when there is no libseccomp */
export function readPlan(given: Options<Name>, chain: Chain): Plan {
  if (given.rest.length === 0) throw new UsageError("which program?", "confine [options] [--] PROG [ARG…]");
  const capabilities = readCapabilityPlan(given);
  const profile = given.value("seccomp") ?? "none";
  if (profile !== "default" && profile !== "none") checkReadAgain("--seccomp", profile, chain.settings);
  const traced = given.has("trace-denied");
  if (traced && profile === "none") throw new UsageError("--trace-denied: without --seccomp nothing is refused", "add --seccomp default");
  if (traced) prepareFork();
  const user = given.value("user");
  const { elsewhere } = chain.settings;
  const next = chain.next(given.rest);
  return {
    capabilities,
    noNewPrivileges: given.has("no-new-privs") || profile !== "none" || given.has("landlock"),
    user: user === undefined ? undefined : readUser("--user", user),
    limits: readUlimits(given.all("ulimit")),
    paths: readPaths(given.all("landlock")),
    filter:
      profile === "none"
        ? undefined
        : makeFilter(profile, capabilities?.kept ?? ALL_CAPABILITIES, { link: next.kind === "tool", inside: elsewhere, traced }),
    next,
  };
}

function readCapabilityPlan(given: Options<Name>): CapabilityPlan | undefined {
  const named = (["caps", "keep", "drop"] as const).filter((name) => given.has(name));
  const [name, other] = named;
  if (name === undefined) return undefined;
  if (other !== undefined) throw new UsageError(`--${name} and --${other} exclude each other`, "one list says which capabilities are left");
  const list = readCapabilities(`--${name}`, given.value(name) ?? "");
  return { kept: name === "drop" ? ALL_CAPABILITIES & ~list : list, how: name };
}

function readPaths(words: readonly string[]): AllowedPath[] {
  if (words.length > 0) landlockAbi();
  return words.map((text) => {
    const [, path = "", mode = "ro"] = /^(.*?)(?::(ro|rw))?$/s.exec(text) ?? [];
    if (path === "") throw new UsageError(`--landlock ${quote(text)}: must be PATH[:ro|rw]`);
    return { path, writable: mode === "rw" };
  });
}

function makeFilter(word: string, capabilities: bigint, circumstances: Circumstances): FilterPlan {
  const rules = readProfile(word, capabilities);
  const program = compileFilter(rules);
  const { flags } = rules;
  if (word !== "default") checkStillNeeded(word, program, circumstances);
  if (!circumstances.traced) return { program, flags, traced: undefined };
  const action = rules.defaultAction;
  const errno = action & 0xffff;
  if (action - errno !== SECCOMP_RET_ERRNO)
    throw new UsageError(`--trace-denied: ${quote(word)} does not refuse by an errno`, "its defaultAction has to be SCMP_ACT_ERRNO");
  return {
    program: replaceReturn(program, action, SECCOMP_RET_USER_NOTIF),
    flags,
    traced: { errno, areas: readAreas(), runtimeEvents: runtimeEvents() },
  };
}
