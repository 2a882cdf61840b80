export type { Ended } from "./ended.ts";
export { type ContainerEvent, eventFiles, noteEvent } from "./events.ts";
export { foldersToHide, stateFolder, useStateFolder } from "./folder.ts";
export { type Health, readHealth, writeHealth } from "./health.ts";
export { deadContainers, isEmptyGroup, strayGroups } from "./leftovers.ts";
export { checkNameIsFree, locked, removeOldLock, withName } from "./names.ts";
export type { Lease } from "./network/lease.ts";
export { addressHolder, freeAddress, networked } from "./network/pool.ts";
export {
  endedOther,
  endedOthers,
  engineContainer,
  engineContainers,
  rememberOther,
} from "./others.ts";
export { describeOwnSignal, notedSignals, noteSignal, type OwnSignal } from "./ownsignals.ts";
export { ageOf, identify, isAlive, isStopped, openProcess, stateOf, thisBoot } from "./processid.ts";
export { inStateFolder, ownLogOf, reserveEnd, writeEnd } from "./reserve.ts";
export {
  createState,
  findContainer,
  folderOf,
  forgetFiles,
  isSupervisorStopped,
  readState,
  readStates,
  removeState,
  type Status,
  statusOf,
  strays,
  writeLimits,
  writeName,
  writeState,
} from "./state.ts";
export type { KeptWords, RestartPolicy, State } from "./statefile.ts";
export { type IdLease, RANGE } from "./userns/lease.ts";
export { freeRange } from "./userns/pool.ts";
export { endOf, supervisorEnd, waitForEnd } from "./waitfor.ts";
