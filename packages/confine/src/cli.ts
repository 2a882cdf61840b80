// Words to plan: what to take away, and the seccomp filter. The filter is made now, since no library may be loaded after pivot_root.
import { type Chain, type Context, checkReadAgain, type Options, readRlimits, readUlimits, readUser } from "@contain-tools/chain";
import {
  compileFilter,
  type Limit,
  landlockAbi,
  parseCount,
  prepareFork,
  quote,
  readAreas,
  replaceReturn,
  runtimeEvents,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  UsageError,
} from "@contain-tools/kernel";
import { readAttributes } from "./attributes.ts";
import { ALL_CAPABILITIES, readCapabilities, readSets } from "./capabilities.ts";
import { readLabels } from "./labels.ts";
import { connectListener, flagsFor } from "./listener.ts";
import type { Name } from "./options.ts";
import type { AllowedPath, CapabilityPlan, FilterPlan, Plan } from "./plan.ts";
import { readProfile } from "./profile.ts";
import { type Circumstances, checkStillNeeded } from "./stillneeded.ts";

/** Reads confine's words. Nothing is changed. @throws UsageError; ToolError without libseccomp */
export function readPlan(given: Options<Name>, chain: Chain): Plan {
  if (given.rest.length === 0) throw new UsageError("missing program", "confine [options] [--] PROG [ARG…]");
  const remarks: string[] = [];
  const capabilities = readCapabilityPlan(given);
  const sets = readSets(given, remarks);
  if (sets !== undefined && capabilities !== undefined)
    throw new UsageError(
      `--${capabilities.how} and the single sets exclude each other`,
      "--bounding, --permitted, --effective, --inheritable and --ambient say it all",
    );
  const profile = given.value("seccomp") ?? "none";
  if (profile !== "default" && profile !== "none") checkReadAgain("--seccomp", profile, chain.settings);
  const traced = given.has("trace-denied");
  if (given.has("listener-state") && profile === "none") throw new UsageError("--listener-state needs --seccomp");
  if (traced && profile === "none") throw new UsageError("--trace-denied: without --seccomp nothing is refused", "add --seccomp default");
  const privileged = readPrivileged(given, profile);
  if (privileged && sets === undefined && (capabilities !== undefined || given.has("user")))
    throw new UsageError(
      "--allow-new-privs goes only with the single sets",
      "the filter is loaded before CAP_SYS_ADMIN is dropped: --bounding, --permitted, --effective, --inheritable and --ambient say what is left",
    );
  if (traced) prepareFork();
  const user = given.value("user");
  const { pathsMoved } = chain.settings;
  const next = chain.next(given.rest);
  return {
    capabilities,
    sets,
    noNewPrivileges: given.has("no-new-privs") || (profile !== "none" && !privileged) || given.has("landlock"),
    user: user === undefined ? undefined : readUser("--user", user),
    groups: readGroups(given.value("groups"), user),
    umask: readUmask(given.value("umask")),
    oomScoreAdj: readOomScoreAdj(given.value("oom-score-adj")),
    attributes: readAttributes(given),
    labels: readLabels(given),
    remarks,
    limits: readLimits(given),
    paths: readPaths(given.all("landlock")),
    filter:
      profile === "none"
        ? undefined
        : makeFilter(
            chain.context,
            profile,
            sets?.bounding ?? capabilities?.kept ?? ALL_CAPABILITIES,
            { link: next.kind === "tool", inside: pathsMoved, traced, privileged },
            given.value("listener-state"),
          ),
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

/** True if the filter is to be loaded without no_new_privs. @throws UsageError */
function readPrivileged(given: Options<Name>, profile: string): boolean {
  if (!given.has("allow-new-privs")) return false;
  if (profile === "none")
    throw new UsageError("--allow-new-privs needs --seccomp", "without a filter no_new_privs is left as it is anyway");
  const other = (["no-new-privs", "landlock", "trace-denied"] as const).find((name) => given.has(name));
  if (other !== undefined) throw new UsageError(`--allow-new-privs and --${other} exclude each other`);
  return true;
}

function readGroups(text: string | undefined, user: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  if (user === undefined) throw new UsageError("--groups needs --user");
  return text === "none" ? [] : text.split(",").map((word) => parseCount("--groups", word, 0, 0xfffffffe));
}

function readUmask(text: string | undefined): number | undefined {
  if (text === undefined || /^[0-7]{1,4}$/.test(text)) return text === undefined ? undefined : Number.parseInt(text, 8) & 0o777;
  throw new UsageError(`--umask ${quote(text)} is not a mode`, "up to four octal digits: 0022");
}

const readOomScoreAdj = (text: string | undefined) => (text === undefined ? undefined : parseCount("--oom-score-adj", text, -1000, 1000));

function readLimits(given: Options<Name>): Limit[] {
  if (given.has("ulimit") && given.has("rlimit")) throw new UsageError("--ulimit and --rlimit exclude each other");
  return given.has("rlimit") ? readRlimits(given.all("rlimit")) : readUlimits(given.all("ulimit"));
}

function readPaths(words: readonly string[]): AllowedPath[] {
  if (words.length > 0) landlockAbi();
  return words.map((text) => {
    const [, path = "", mode = "ro"] = /^(.*?)(?::(ro|rw))?$/s.exec(text) ?? [];
    if (path === "") throw new UsageError(`--landlock ${quote(text)}: must be PATH[:ro|rw]`);
    return { path, writable: mode === "rw" };
  });
}

function makeFilter(
  context: Context,
  word: string,
  capabilities: bigint,
  circumstances: Circumstances,
  state: string | undefined,
): FilterPlan {
  const { rules, listener: asked } = readProfile(context, word, capabilities);
  const program = compileFilter(rules);
  const { privileged, traced } = circumstances;
  if (traced && asked !== undefined) throw new UsageError(`--trace-denied: another process listens to ${quote(word)}, by SCMP_ACT_NOTIFY`);
  if (word !== "default") checkStillNeeded(word, program, { ...circumstances, traced: traced || asked !== undefined });
  const flags = flagsFor(rules.flags, asked);
  if (asked !== undefined) prepareFork();
  const listener = asked === undefined ? undefined : connectListener(context, asked, state);
  if (!traced) return { program, flags, privileged, listener, traced: undefined };
  const action = rules.defaultAction;
  const errno = action & 0xffff;
  if (action - errno !== SECCOMP_RET_ERRNO)
    throw new UsageError(`--trace-denied: ${quote(word)} does not refuse by an errno`, "its defaultAction must be SCMP_ACT_ERRNO");
  return {
    program: replaceReturn(program, action, SECCOMP_RET_USER_NOTIF),
    flags,
    privileged,
    listener,
    traced: { errno, areas: readAreas(), runtimeEvents: runtimeEvents() },
  };
}
