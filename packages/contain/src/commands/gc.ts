// `contain gc`: finds what killed supervisors left, says what it is, and removes it.

import { closeSync, existsSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { report, withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import {
  exit,
  killGroup,
  MNT_DETACH,
  pidfdSendSignal,
  pollOnce,
  printable,
  readMountInfo,
  removeGroup,
  SIGKILL,
  ToolError,
  umount2,
} from "@contain-tools/kernel";
import {
  deadContainers,
  folderOf,
  isEmptyGroup,
  locked,
  networked,
  noteEvent,
  openProcess,
  readState,
  removeOldLock,
  removeState,
  type State,
  statusOf,
  strayGroups,
  strays,
} from "@contain-tools/state";
import { checkNoWords, subcommand } from "../command.ts";
import { orphanedBridges, removeInterface, removeUnusedBridge } from "../network/leave.ts";
import { isMasquerading, stopMasquerade } from "../network/nat.ts";
import { canStart, nameOf } from "./container.ts";

const EMPTY_TIMEOUT = 5000; // milliseconds for killed processes to leave their group
const USE_TIMEOUT = 1000; // milliseconds in which a process that has just made a group will use it

export const gc = subcommand({
  name: "gc",
  description: "Remove what killed supervisors left",
  usage: "",
  options: withCommon({}),
  plan(given) {
    checkNoWords(given);
    return () => exit(collectAll());
  },
});

function collectAll(): number {
  let status = 0;
  const attempt = (what: string, remove: () => void) => {
    print(`${what}\n`);
    try {
      remove();
    } catch (error) {
      status = report(error);
    }
  };
  for (const state of deadContainers()) {
    attempt(`container ${state.id} (${printable(state.argv[0] ?? "")}): its supervisor, PID ${state.supervisor.pid}, was killed`, () => {
      forget(state);
    });
  }
  const living = new Set(
    strayGroups()
      .filter((dir) => !isEmptyGroup(dir))
      .map((dir) => basename(dir)),
  );
  for (const { path, why } of strays()) {
    if (living.has(`contain-${basename(path)}`)) print(`${path}: ${why}; its group has processes, so it stays\n`);
    else
      attempt(`${path}: ${why}`, () => {
        unmountBelow(path);
        rmSync(path, { recursive: true, force: true });
      });
  }
  for (const name of orphanedBridges())
    attempt(`the bridge ${name}: made by contain, and no container uses it`, () =>
      locked(() => orphanedBridges().includes(name) && removeUnusedBridge(name)),
    );
  if (isMasquerading() && !networked().some(({ network }) => network.nat))
    attempt("nft table ip contain: the rule of --nat, and no container uses it", stopMasquerade);
  const groups = strayGroups();
  if (groups.some(isEmptyGroup)) pollOnce(-1, 0, USE_TIMEOUT);
  for (const dir of groups) {
    // Processes without a supervisor were started by hand (--print-chain): leave them.
    if (!isEmptyGroup(dir)) print(`${dir}: a group without a known container; it has processes, so it stays\n`);
    else attempt(`${dir}: an empty group without a known container`, () => removeGroup(dir, 0));
  }
  removeOldLock();
  return status;
}

/** Removes what a container left besides its state: processes, group, network interface, mounts in its folder. */
export function collect({ id, init, group, network }: State): void {
  const pidfd = init === undefined ? undefined : openProcess(init);
  if (pidfd !== undefined) {
    pidfdSendSignal(pidfd, SIGKILL);
    closeSync(pidfd);
  }
  if (group !== undefined && existsSync(group)) {
    killGroup(group);
    removeGroup(group, EMPTY_TIMEOUT);
  }
  if (network?.hostName !== undefined) removeInterface(network.hostName);
  unmountBelow(folderOf(id));
}

/** Forgets a container that does not run. @throws ToolError if it runs after all, as when `contain start` was faster */
export function forget(state: State): void {
  locked(() => {
    const now = readState(state.id);
    if (now !== undefined && !canStart(now)) throw new ToolError(`${nameOf(now)} is ${statusOf(now)} by now`);
    collect(now ?? state); // an ended one may have a group that could not be removed then
    if (now === undefined) return; // its supervisor, or another `contain rm`, has forgotten it
    noteEvent(state.id, "destroy");
    removeState(state.id);
  });
}

/** Newest mounts first. Only then may the folder be removed: mounted files are not its contents. */
function unmountBelow(folder: string): void {
  const below = readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of below.reverse()) umount2(mountPoint, MNT_DETACH);
}
