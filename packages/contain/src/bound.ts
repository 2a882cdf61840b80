// The bound of a detached container's log. The program appends to the file itself, so that it never waits for a reader; the supervisor
// gives the room of the oldest output back, by a hole that grows from the beginning of the file (fallocate(2)).
import { closeSync, openSync, statSync } from "node:fs";
import {
  failedWith,
  inotify,
  POLLIN,
  parseLimit,
  punchHole,
  type Source,
  takeNotices,
  takeTicks,
  timerfd,
  UsageError,
  warn,
  watchAgain,
} from "@contain-tools/kernel";

const LEAST = 64 << 10; // bytes
const DEFAULT = 64 << 20;
const MOMENT = 100; // milliseconds between two looks while the program writes
const PAGE = 4096;

/** --log-size in bytes; undefined for no bound. @throws UsageError */
export function readLogSize(text: string | undefined, detach: boolean): number | undefined {
  if (text !== undefined && !detach)
    throw new UsageError("--log-size is for --detach", "otherwise the output goes to who starts it, and no log is kept");
  if (text === undefined) return DEFAULT;
  const limit = parseLimit("--log-size", text);
  if (limit === "max") return undefined;
  if (Number(limit) < LEAST) throw new UsageError(`--log-size ${text}: it is less than 64K`);
  return Number(limit);
}

/** Bounds a log for as long as `sources` are served. Nothing wakes up while nothing is written. Returns a last look, for the end. */
export function boundLog(sources: Source[], path: string, most: number | undefined): () => void {
  if (most === undefined) return () => {};
  const notices = inotify(path, true);
  let seen = 0;
  let timer: Source | undefined;
  const look = () => {
    const { size } = statSync(path);
    const grew = size !== seen;
    seen = size;
    return trim(path, size, most) && grew;
  };
  const tick = (fd: number) => {
    takeTicks(fd);
    if (look() || timer === undefined) return;
    sources.splice(sources.indexOf(timer), 1);
    closeSync(fd);
    timer = undefined;
    watchAgain(notices, path);
    if (look()) wake(); // it was written to just before
  };
  const wake = () => {
    if (timer !== undefined) return;
    const fd = timerfd(MOMENT);
    timer = { fd, wants: () => POLLIN, ready: () => tick(fd) };
    sources.push(timer);
  };
  const ready = () => {
    takeNotices(notices);
    wake();
  };
  sources.push({ fd: notices, wants: () => POLLIN, ready });
  return () => void look();
}

let refused = false;

/** Keeps the newest three quarters of the bound when it is reached. False when the file system has no holes: that is told once. */
function trim(path: string, size: number, most: number): boolean {
  if (refused) return false;
  const { blocks } = statSync(path);
  if (size <= most || blocks * 512 <= most) return true;
  const fd = openSync(path, "r+");
  try {
    punchHole(fd, Math.floor((size - most * 0.75) / PAGE) * PAGE);
  } catch (error) {
    if (!failedWith(error, "EOPNOTSUPP", "ENOSYS", "ENODEV")) throw error;
    refused = true;
    warn(`the log ${path} grows without bound: its file system cannot give the room of the oldest lines back (fallocate(2))`);
  } finally {
    closeSync(fd);
  }
  return !refused;
}
