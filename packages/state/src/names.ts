// Names of containers, and the lock. Whoever creates a state holds flock(2), so that a name is used once; the kernel drops the lock when the holder dies.
import {
  close,
  codeOf,
  exists,
  fstat,
  monotonic,
  O_CREAT,
  O_NOFOLLOW,
  O_RDWR,
  open,
  pollOnce,
  statIfThere,
  ToolError,
  tryLock,
  UsageError,
  unlink,
} from "@contain-tools/kernel";
import { makeStateFolder, stateFolder } from "./folder.ts";
import { LOCK, readStates, statusOf } from "./state.ts";

const LOCK_TIMEOUT = 60_000; // milliseconds; one state takes a few, and a hundred processes may wait
const PAUSE = 10;

/** @param id the container that is to have it @throws UsageError if another one that is not dead has the name */
export function checkNameIsFree(name: string, id?: string): void {
  const other = readStates().find((state) => state.name === name && state.id !== id && statusOf(state) !== "dead");
  if (other !== undefined) throw new UsageError(`name already in use: ${name}, by container ${other.id}`);
}

/**
 * Calls `make`, which makes the state of a container with this name, unless the name is in use. Of many callers at once, one succeeds.
 *
 * @throws UsageError if the name is in use; ToolError if the lock is held too long
 */
export function withName(name: string | undefined, make: () => void): void {
  if (name === undefined) {
    make();
    return;
  }
  locked(() => {
    checkNameIsFree(name);
    make();
  });
}

/** Calls `act` under the lock. @throws ToolError if another process holds it too long */
export function locked<T>(act: () => T): T {
  const path = `${makeStateFolder()}/${LOCK}`;
  const lock = lockFile(path);
  try {
    return act();
  } finally {
    forget(path); // remove it while it is held: a process that opened it meanwhile sees that the name is gone
    close(lock);
  }
}

/** A file, not the folder itself: everybody who can open a folder can lock it (flock(2)). */
function lockFile(path: string): number {
  for (const end = monotonic() + LOCK_TIMEOUT; ; pollOnce(-1, 0, PAUSE)) {
    const lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      if (tryLock(lock) && fstat(lock).ino === statIfThere(path)?.ino) return lock;
    } catch (error) {
      forget(path); // flock(2) is not supported here, for any process
      close(lock);
      throw error;
    }
    close(lock);
    if (monotonic() > end)
      throw new ToolError(
        `${path} has been locked for ${LOCK_TIMEOUT / 1000} s`,
        "a stopped `contain` holds it (flock(2)); `fuser` shows its PID",
      );
  }
}

/** Removes the lock file that a killed process left. It does not block anybody. */
export function removeOldLock(): void {
  if (exists(`${stateFolder()}/${LOCK}`)) locked(() => {});
}

function forget(path: string): void {
  try {
    unlink(path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}
