// What a container holds while it exists: its state, its name, its leases. Made before it starts, released after its end.

import { type Context, type Link, sayStep } from "@contain-tools/chain";
import { getpid, writeFile } from "@contain-tools/kernel";
import type { Plan as NsexecPlan } from "@contain-tools/nsexec";
import {
  checkNameIsFree,
  createState,
  folderOf,
  freeRange,
  identify,
  locked,
  noteEvent,
  type State,
  thisBoot,
  withName,
  writeState,
} from "@contain-tools/state";
import { hostsFile, nameFiles, writeNameFiles } from "../network/files.ts";
import { leaveNetwork, removeDeadEnds } from "../network/leave.ts";
import { masquerade } from "../network/nat.ts";
import { takeLease } from "../network/plan.ts";
import { type Relays, relaysOf } from "../network/relay.ts";
import { describeIds } from "../userns/plan.ts";
import { profileOf } from "./kept.ts";
import type { RunPlan } from "./plan.ts";

/** Makes the state, which gives the container its name, its address and its ids. */
export function claim(plan: RunPlan): State {
  const { network, userns, again } = plan;
  if (again === undefined && network === undefined && !userns) {
    const state = newState(plan);
    withName(plan.name, () => createState(state));
    noteEvent(plan.id, "create");
    return state;
  }
  return locked(() => {
    if (plan.name !== undefined) checkNameIsFree(plan.name, plan.id); // a dead one may have lost its name to another
    again?.clear();
    if (network !== undefined) removeDeadEnds();
    const ids = userns ? freeRange() : undefined;
    const state = { ...newState(plan), network: network && takeLease(plan.id, network), ids };
    if (again === undefined) {
      createState(state);
      noteEvent(plan.id, "create");
    } else writeState(state);
    return state;
  });
}

/** `contain create`: the name is taken, and the words are kept. Addresses and ids are leased at the start. */
export function claimUnstarted(plan: RunPlan): State {
  const state = { ...newState(plan), unstarted: true };
  withName(plan.name, () => createState(state));
  noteEvent(plan.id, "create");
  return state;
}

interface Prepared extends Pick<Relays, "forwarded"> {
  readonly container: Link<NsexecPlan>;
}

/** Plans the chain with the granted address and ids; and what we are to forward. */
export function prepare(context: Context, plan: RunPlan, { id, network, ids }: State, fds: readonly number[]): Prepared {
  if (plan.profile !== undefined) writeFile(profileOf(id), plan.profile, 0o600);
  if (ids !== undefined) sayStep(context, describeIds(ids));
  if (network === undefined || plan.network === undefined) {
    const files = plan.hosts.length === 0 ? [] : writeNameFiles(context, folderOf(id), hostsFile(plan.hosts), plan.rootfs, plan.writable);
    return { container: plan.container({ ip: undefined, ids, files }), forwarded: [] };
  }
  if (network.nat) masquerade(context);
  const texts = nameFiles({ ip: network.ip, hostname: plan.hostname, dns: plan.network.dns, hosts: plan.hosts });
  const { forwarded, pasta } = relaysOf(plan.network, network.ip, fds);
  const files = writeNameFiles(context, folderOf(id), texts, plan.rootfs, plan.writable);
  return { container: plan.container({ ip: network.ip, ids, files, ports: pasta }), forwarded };
}

/** Forgets a container, and removes its network. */
export function leave({ network }: State, forget: () => void): void {
  if (network === undefined) forget();
  else leaveNetwork(network, forget);
}

function newState(plan: RunPlan): State {
  const pid = getpid();
  const supervisor = identify(pid) ?? { pid, started: "", boot: thisBoot() };
  const { id, name, labels, hostname, argv, rootfs, user, env, group, limits, grace, indirect, detach, tty, restart, kept, again } = plan;
  const at = plan.profile === undefined ? -1 : plan.confine.indexOf("--seccomp");
  const confine = at === -1 ? plan.confine : plan.confine.with(at + 1, profileOf(id)); // they may have changed by the next `contain exec`
  return {
    id,
    name,
    supervisor,
    init: undefined,
    indirect,
    started: false,
    argv,
    rootfs,
    user,
    env,
    confine,
    group,
    limits,
    labels,
    hostname,
    created: again?.before.created ?? Date.now(),
    begun: again && Date.now(),
    detached: detach,
    tty,
    grace,
    network: undefined,
    ids: undefined,
    ended: undefined,
    restart,
    kept,
  };
}
