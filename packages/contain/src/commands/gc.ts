// `contain gc`: finds what containers left whose supervisor is gone, says what each is, and removes it.

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
  umount2,
} from "@contain-tools/kernel";
import {
  deadContainers,
  folderOf,
  isEmptyGroup,
  locked,
  networked,
  openProcess,
  removeOldLock,
  removeState,
  type State,
  strayGroups,
  strays,
} from "@contain-tools/state";
import { checkNoWords, subcommand } from "../command.ts";
import { orphanedBridges, removeInterface, removeUnusedBridge } from "../network/leave.ts";
import { isMasquerading, stopMasquerade } from "../network/nat.ts";

const PATIENCE = 5000; // milliseconds for killed processes to leave their group
const MOMENT = 1000; // milliseconds for somebody who has just made a group to use it

export const gc = subcommand({
  name: "gc",
  description: "Remove what containers left whose supervisor is gone",
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
    attempt(`container ${state.id} (${printable(state.argv[0] ?? "")}): its supervisor, PID ${state.supervisor.pid}, is gone`, () => {
      collect(state);
      removeState(state.id);
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
    attempt(`the bridge ${name}: made by us, without a port, and no container is on it`, () =>
      locked(() => orphanedBridges().includes(name) && removeUnusedBridge(name)),
    );
  if (isMasquerading() && !networked().some(({ network }) => network.nat))
    attempt("nft's table ip contain: the rule of --nat, and no container needs it", stopMasquerade);
  const groups = strayGroups();
  if (groups.some(isEmptyGroup)) pollOnce(-1, 0, MOMENT);
  for (const dir of groups) {
    // Processes without a supervisor of ours were started by hand (--print-chain): theirs to end.
    if (!isEmptyGroup(dir)) print(`${dir}: a group of no container that is known; it has processes, so it stays\n`);
    else attempt(`${dir}: an empty group of no container that is known`, () => removeGroup(dir, 0));
  }
  removeOldLock();
  return status;
}

/** Removes what a container left beside its state: its processes, its group, its end of the network, mounts in its folder. */
export function collect({ id, init, group, network }: State): void {
  const pidfd = init === undefined ? undefined : openProcess(init);
  if (pidfd !== undefined) {
    pidfdSendSignal(pidfd, SIGKILL);
    closeSync(pidfd);
  }
  if (group !== undefined && existsSync(group)) {
    killGroup(group);
    removeGroup(group, PATIENCE);
  }
  if (network?.hostName !== undefined) removeInterface(network.hostName);
  unmountBelow(folderOf(id));
}

/** The last mounted first. A folder is not removed before, so that nothing mounted there is taken for its contents. */
function unmountBelow(folder: string): void {
  const below = readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of below.reverse()) umount2(mountPoint, MNT_DETACH);
}
