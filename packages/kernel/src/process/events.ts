// Waits for signals and descriptors at once: signalfd(2) tells poll(2) that a signal is pending, and sigtimedwait(2) takes it.

import { declareSyscall, SYS } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { monotonic } from "./clock.ts";
import { POLLIN, PollSet } from "./poll.ts";
import { ALL_SIGNALS } from "./signal.ts";
import { type SignalInfo, waitForSignal } from "./signalqueue.ts";

/** A descriptor to wait for besides signals. */
export interface Source {
  readonly fd: number;
  /** The poll(2) events that it waits for now: 0 for errors and hang-ups only, undefined for none at all. */
  readonly wants: () => number | undefined;
  readonly ready: (events: number) => void;
}

const SFD_NONBLOCK = 0o4000;
const SFD_CLOEXEC = 0o2000000;
const signalfd4C = declareSyscall(SYS.signalfd4);

/** A signalfd(2) for all signals: readable while one is pending. They must be blocked. */
function signalfd(): number {
  return sys("signalfd4", () => ["-1", "~[]", "8", "SFD_CLOEXEC|SFD_NONBLOCK"], signalfd4C(-1, ALL_SIGNALS, 8, SFD_CLOEXEC | SFD_NONBLOCK));
}

const set = new PollSet();
let pending = -1;

/**
 * Takes the next signal of any kind, and serves the sources in the meantime. All signals must be blocked.
 *
 * @param sources may change during the wait
 * @param milliseconds the timeout; undefined waits for ever
 * @param over called after each event of a source; true ends the wait
 * @returns undefined after the timeout or if `over` said so; the object is reused by the next call
 */
export function waitForSignalOr(sources: readonly Source[], milliseconds?: number, over?: () => boolean): SignalInfo | undefined {
  if (sources.length === 0) return waitForSignal(ALL_SIGNALS, milliseconds);
  if (pending === -1) pending = signalfd();
  const end = milliseconds === undefined ? undefined : monotonic() + milliseconds;
  for (;;) {
    const left = end === undefined ? -1 : Math.max(0, Math.ceil(end - monotonic()));
    if (serve(sources, left)) {
      const info = waitForSignal(ALL_SIGNALS, 0);
      if (info !== undefined) return info;
    }
    if (over?.() || (end !== undefined && monotonic() >= end)) return undefined;
  }
}

/** One turn. True when a signal is pending. */
function serve(sources: readonly Source[], milliseconds: number): boolean {
  const asked: Source[] = [];
  set.clear();
  set.add(pending, POLLIN);
  for (const source of sources) {
    const events = source.wants();
    if (events === undefined) continue;
    set.add(source.fd, events);
    asked.push(source);
  }
  if (!set.wait(milliseconds)) return false;
  const events = asked.map((_, i) => set.came(i + 1)); // before a source waits for something itself
  const signalled = set.came(0) !== 0;
  for (const source of asked) {
    const came = events.shift() ?? 0;
    if (came !== 0 && sources.includes(source)) source.ready(came);
  }
  return signalled;
}
