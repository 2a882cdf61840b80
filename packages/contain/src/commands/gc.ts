// `contain gc`: finds what containers left whose supervisor is gone, says what each is, and removes it.
import { closeSync, existsSync, rmSync } from "node:fs";
import {
  exit,
  killGroup,
  MNT_DETACH,
  pidfdSendSignal,
  pollOnce,
  printable,
  readMountInfo,
  removeGroup,
  report,
  SIGKILL,
  umount2,
  withCommon,
} from "@contain-tools/kernel";
import { checkNoWords, subcommand } from "../command.ts";
import { deadContainers, isEmptyGroup, strayGroups } from "../leftovers.ts";
import { locked, removeOldLock } from "../names.ts";
import { orphanedBridges, removeInterface, removeUnusedBridge } from "../network/leave.ts";
import { isMasquerading, stopMasquerade } from "../network/nat.ts";
import { networked } from "../network/pool.ts";
import { print } from "../print.ts";
import { openProcess } from "../processid.ts";
import { folderOf, removeState, type State, strays } from "../state.ts";

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
  for (const { path, why } of strays()) {
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
