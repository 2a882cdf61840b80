// What state.json holds.
import { type Ended, isEnded } from "./ended.ts";
import { isLease, type Lease } from "./network/lease.ts";
import type { ProcessId } from "./processid.ts";
import { type IdLease, isIdLease } from "./userns/lease.ts";

export interface State {
  readonly id: string;
  readonly name: string | undefined;
  readonly supervisor: ProcessId;
  /** PID 1 of the container, as the host sees it; undefined before it was made. */
  readonly init: ProcessId | undefined;
  /** With --chain exec the `init` of the file is an nsexec, the parent of PID 1. */
  readonly indirect: boolean;
  /** PID 1 has become the program (or pid1); before that it may still see the host's files. */
  readonly started: boolean;
  readonly argv: readonly string[];
  readonly rootfs: string;
  /** The user of the program, as given to `contain run --user`. */
  readonly user: string | undefined;
  /** The program's environment, NAME=VALUE. */
  readonly env: readonly string[];
  /** confine and its options, as on the command line before the program; empty without --confine. */
  readonly confine: readonly string[];
  /** The directory of its cgroup. */
  readonly group: string | undefined;
  /** `memory=64M pids=64` */
  readonly limits: string;
  /** What --label says of it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its host name. */
  readonly hostname?: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly detached: boolean;
  /** True if it has a pseudo-terminal and the supervisor listens for `contain attach`. */
  readonly tty: boolean;
  /** SIGTERM to SIGKILL, in milliseconds. */
  readonly grace: number;
  /** With --net veth: its address, which no other container gets until this one has ended. */
  readonly network: Lease | undefined;
  /** With --userns auto: the same for its ids. */
  readonly ids: IdLease | undefined;
  readonly ended: Ended | undefined;
  /** With --restart. */
  readonly restart?: RestartPolicy | undefined;
  /** How often its supervisor has started it again by --restart. */
  readonly restarts?: number;
  /** How its last life ended, while it waits for its next start. */
  readonly restarting?: Ended;
  /** For `contain start`; of detached ones. */
  readonly kept?: KeptWords | undefined;
  /** `contain create` made it, and it has not been started. */
  readonly unstarted?: boolean;
  /** When `contain start` started it, in milliseconds since the epoch. */
  readonly begun?: number | undefined;
}

/** How a container is started again. */
export interface KeptWords {
  /** Of `contain run`, the values of the environment among them. */
  readonly words: readonly string[];
  /** The directory that relative paths begin at. */
  readonly cwd: string;
}

/** When to start the container again. */
export interface RestartPolicy {
  readonly when: "on-failure" | "always" | "unless-stopped";
  /** With on-failure: at most this often; 0 for no bound. */
  readonly most: number;
}

/** A file may be truncated, edited by hand or of another version: do not act on one that is not a valid state. */
export function isState(value: unknown): value is State {
  if (typeof value !== "object" || value === null) return false;
  const state = value as Partial<Record<keyof State, unknown>>;
  const isProcess = (process: unknown) =>
    typeof process === "object" &&
    process !== null &&
    "pid" in process &&
    Number.isInteger(process.pid) &&
    Number(process.pid) > 0 &&
    "started" in process &&
    typeof process.started === "string" &&
    "boot" in process &&
    typeof process.boot === "string";
  return (
    typeof state.id === "string" &&
    isProcess(state.supervisor) &&
    (state.init === undefined || isProcess(state.init)) &&
    areTexts(state.argv) &&
    areTexts(state.env) &&
    areTexts(state.confine) &&
    (state.user === undefined || typeof state.user === "string") &&
    (state.group === undefined || (typeof state.group === "string" && state.group.endsWith(`/contain-${state.id}`))) &&
    (state.network === undefined || isLease(state.network)) &&
    (state.ids === undefined || isIdLease(state.ids)) &&
    [state.ended, state.restarting].every((end) => end === undefined || isEnded(end)) &&
    (state.restart === undefined || isPolicy(state.restart)) &&
    (state.kept === undefined || isKept(state.kept)) &&
    (state.restarts === undefined || typeof state.restarts === "number") &&
    (state.name === undefined || typeof state.name === "string") &&
    [state.indirect, state.started, state.detached, state.tty].every((flag) => typeof flag === "boolean") &&
    (state.hostname === undefined || typeof state.hostname === "string") &&
    (state.labels === undefined || (typeof state.labels === "object" && state.labels !== null && areTexts(Object.values(state.labels)))) &&
    typeof state.rootfs === "string" &&
    typeof state.limits === "string" &&
    typeof state.created === "number" &&
    typeof state.grace === "number"
  );
}

const areTexts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === "string");

const isKept = (value: unknown): value is KeptWords =>
  typeof value === "object" &&
  value !== null &&
  "words" in value &&
  areTexts(value.words) &&
  "cwd" in value &&
  typeof value.cwd === "string";

const isPolicy = (value: unknown): value is RestartPolicy =>
  typeof value === "object" &&
  value !== null &&
  "when" in value &&
  typeof value.when === "string" &&
  "most" in value &&
  typeof value.most === "number";
