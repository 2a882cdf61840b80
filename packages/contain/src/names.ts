// Names of containers, and the lock. One at a time has a name: who makes a state with one holds a lock of the kernel's meanwhile, which nobody can leave behind.
import { closeSync, constants, openSync } from "node:fs";
import { pollOnce, ToolError, tryLock, UsageError } from "@contain-tools/kernel";
import { makeStateFolder } from "./folder.ts";
import { readStates, statusOf } from "./state.ts";

const PATIENCE = 30_000; // milliseconds; a state is made in some, and a hundred may be waiting
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
  const folder = makeStateFolder();
  const lock = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const end = Date.now() + PATIENCE; !tryLock(lock); pollOnce(-1, 0, PAUSE))
      if (Date.now() > end)
        throw new ToolError(
          `${folder} has been locked for ${PATIENCE / 1000} s`,
          "another `contain run` has stopped there (flock(2)); `fuser` tells which",
        );
    return act();
  } finally {
    closeSync(lock);
  }
}
