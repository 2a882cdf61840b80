// What the supervisor notes while a container runs, since the kernel keeps nothing of it afterwards.
import type { Evidence } from "@contain-tools/chain";
import {
  close,
  exists,
  type KernelLogPosition,
  monotonic,
  openKernelLog,
  POLLIN,
  pidfdOpen,
  type Source,
  setTimer,
  takeTicks,
  timerfd,
} from "@contain-tools/kernel";
import { type Level, readAncestors } from "./chain.ts";
import type { HeldMounts } from "./heldmounts.ts";
import { forget, type Look, lookAt } from "./look.ts";
import { findProgram, type Program, type Watched } from "./program.ts";
import { lookAtLimits, type Reached } from "./reached.ts";
import { type Refusal, watchRefusals } from "./refusal.ts";
import { readVmstat } from "./vmstat.ts";
import { lookAtZombie, type Zombie } from "./zombie.ts";

/** The counters before the container started. */
interface Baseline {
  readonly ancestors: readonly Level[];
  /** If its group does not count OOM kills. */
  readonly vmstat: Evidence | undefined;
}

export function takeBaseline(group: string | undefined): Baseline {
  const counts = group !== undefined && exists(`${group}/memory.events`);
  return { ancestors: group === undefined ? [] : readAncestors(group), vmstat: counts ? undefined : readVmstat() };
}

/** Filled in while the container runs. */
export interface Seen {
  /** When the program began, in milliseconds as `monotonic` counts them. */
  began: number;
  program: Program | undefined;
  /** The most recent one. */
  look: Look | undefined;
  zombie: (() => Zombie) | undefined;
  readonly mounts: HeldMounts | undefined;
  /** The latest of the first refused forks. */
  refusal: Refusal | undefined;
  /** Limits of processes that had been reached at a look. */
  reached: readonly Reached[];
}

export interface Witness {
  readonly watched: Watched;
  readonly baseline: Baseline;
  readonly log: KernelLogPosition;
  readonly seen: Seen;
  readonly sources: readonly Source[];
  /** Called when the program has been started. */
  readonly started: () => void;
  readonly close: () => void;
}

// Milliseconds between looks: doubled each time, so that a supervisor that runs for days makes no garbage.
const FIRST = 500;
const LONGEST = 30_000;

/** Starts to watch a container that was just made. @param mounts its mount namespace, closed with the rest */
export function witness(watched: Watched, baseline: Baseline, mounts: HeldMounts | undefined): Witness {
  const seen: Seen = {
    began: monotonic(),
    program: undefined,
    look: undefined,
    zombie: undefined,
    mounts,
    refusal: undefined,
    reached: [],
  };
  const log = openKernelLog();
  const pidfd = pidfdOpen(watched.pid);
  let between = FIRST;
  const timer = timerfd(between);
  const end: Source = {
    fd: pidfd,
    wants: () => (seen.zombie === undefined ? POLLIN : undefined),
    ready: () => {
      seen.zombie = lookAtZombie(watched.pid);
    },
  };
  const clock: Source = {
    fd: timer,
    wants: () => POLLIN,
    ready: () => {
      takeTicks(timer);
      if (seen.zombie !== undefined) return;
      between = Math.min(2 * between, LONGEST);
      setTimer(timer, between);
      seen.program ??= findProgram(watched);
      seen.look = lookAt(watched, seen.program, seen.look);
      seen.reached = lookAtLimits([...(seen.program === undefined ? [] : [seen.program]), ...seen.look.others], seen.reached);
    },
  };
  const refusals =
    watched.group === undefined
      ? undefined
      : watchRefusals(watched.group, (refusal) => {
          seen.refusal = refusal;
        });
  return {
    ...{ watched, baseline, log, seen, sources: [end, clock, ...(refusals === undefined ? [] : [refusals])] },
    started: () => {
      seen.began = monotonic();
      if (watched.indirect) return; // the nsexec before it has started
      seen.program = findProgram(watched);
    },
    close: () => {
      for (const fd of [pidfd, timer, ...(refusals === undefined ? [] : [refusals.fd])]) close(fd);
      mounts?.close();
      forget(seen.look);
    },
  };
}
