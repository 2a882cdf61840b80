// Names of containers, and the lock. One at a time has a name: who makes a state with one holds a lock of the kernel's meanwhile, which nobody can leave behind.
import { closeSync, constants, existsSync, fstatSync, openSync, statSync, unlinkSync } from "node:fs";
import { codeOf, monotonic, pollOnce, ToolError, tryLock, UsageError } from "@contain-tools/kernel";
import { makeStateFolder, stateFolder } from "./folder.ts";
import { LOCK, readStates, statusOf } from "./state.ts";

const PATIENCE = 60_000; // milliseconds; a state is made in some, and a hundred may be waiting
const PAUSE = 10;

/** @throws UsageError when a container has the name; a dead one does not keep it */
export function checkNameIsFree(name: string): void {
  const other = readStates().find((state) => state.name === name && statusOf(state) !== "dead");
  if (other !== undefined) throw new UsageError(`--name ${name}: container ${other.id} has that name`);
}

/**
 * Calls `make`, which makes the state of a container with this name, unless another one has it. Of many that try at once one gets it.
 *
 * @throws UsageError when it is taken; ToolError when somebody holds the lock for ever
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

/** Calls `act` while nobody else can be in here. @throws ToolError when somebody holds the lock for ever */
export function locked<T>(act: () => T): T {
  const path = `${makeStateFolder()}/${LOCK}`;
  const lock = lockFile(path);
  try {
    return act();
  } finally {
    forget(path); // while it is held: whoever opened it meanwhile sees that it is not the one with the name any more
    closeSync(lock);
  }
}

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;

/** Not the folder itself: flock(2) is open to everybody who can open what it is on. */
function lockFile(path: string): number {
  for (const end = monotonic() + PATIENCE; ; pollOnce(-1, 0, PAUSE)) {
    const lock = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      if (tryLock(lock) && fstatSync(lock).ino === statSync(path, { throwIfNoEntry: false })?.ino) return lock;
    } catch (error) {
      forget(path); // flock(2) does not work here, for us or for anybody else
      closeSync(lock);
      throw error;
    }
    closeSync(lock);
    if (monotonic() > end)
      throw new ToolError(
        `${path} has been locked for ${PATIENCE / 1000} s`,
        "another `contain` has stopped there (flock(2)); `fuser` tells which",
      );
  }
}

/** Removes the file that a killed process has left; it locks nobody out. */
export function removeOldLock(): void {
  if (existsSync(`${stateFolder()}/${LOCK}`)) locked(() => {});
}

function forget(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}
