// The labs, in the order of the list: signals and processes, memory, other limits, files and mounts, identities.
import { busyUmount } from "./busy-umount.ts";
import { cgroupRmdirBusy } from "./cgroup-rmdir-busy.ts";
import { cpuThrottling } from "./cpu-throttling.ts";
import { ddThatDoesNotOom } from "./dd-that-does-not-oom.ts";
import { deletedCwd } from "./deleted-cwd.ts";
import { fdLimit } from "./fd-limit.ts";
import { forkBomb } from "./fork-bomb.ts";
import type { Lab } from "./lab.ts";
import { leakedMount } from "./leaked-mount.ts";
import { missingLoader } from "./missing-loader.ts";
import { oomChildOnly } from "./oom-child-only.ts";
import { oomKill } from "./oom-kill.ts";
import { orphans } from "./orphans.ts";
import { pid1Exits } from "./pid1-exits.ts";
import { readOnlyRoot } from "./read-only-root.ts";
import { shCWrapper } from "./sh-c-wrapper.ts";
import { sigtermIgnored } from "./sigterm-ignored.ts";
import { tmpfsCountsAsMemory } from "./tmpfs-counts-as-memory.ts";
import { uidMap } from "./uid-map.ts";
import { zombies } from "./zombies.ts";

export const LABS: readonly Lab[] = [
  sigtermIgnored,
  shCWrapper,
  zombies,
  orphans,
  pid1Exits,
  oomKill,
  oomChildOnly,
  tmpfsCountsAsMemory,
  ddThatDoesNotOom,
  cpuThrottling,
  forkBomb,
  fdLimit,
  readOnlyRoot,
  missingLoader,
  deletedCwd,
  busyUmount,
  leakedMount,
  cgroupRmdirBusy,
  uidMap,
];
