// A process's own network: its interfaces and their other ends, its routes, published ports, and who listens.

import type { Finding } from "@contain-tools/chain";
import { codeOf, namespaceId, readIfThere } from "@contain-tools/kernel";
import { networked } from "@contain-tools/state";
import { type End, look, type Shown } from "@contain-tools/veth";
import { cannotTell, fact, is } from "../process/finding.ts";
import type { Subject } from "../process/subject.ts";
import { explainNames } from "./nameservers.ts";
import { explainWays } from "./routes.ts";

const RULE = "rtnetlink(7)";

/** Nothing for a process on the caller's network: the section on namespaces says that. */
export function explainNetwork({ pid, namespaces, kernelThread }: Subject): Finding[] {
  const own = namespaces["net"];
  if (kernelThread || own === undefined || own === namespaceId("self", "net")) return [];
  let shown: Shown;
  try {
    shown = look(pid);
  } catch (error) {
    const code = codeOf(error) ?? (error instanceof Error ? codeOf(error.cause) : undefined);
    if (code === undefined) throw error;
    const proof = { source: `/proc/${pid}/ns/net`, value: undefined, problem: code, rule: "setns(2)" };
    return [cannotTell("network-unreadable", "what its network is like", [proof], "`veth --show PID` by the host's root would tell")];
  }
  const holder = networked().find(({ init }) => init !== undefined && namespaceId(init.pid, "net") === own);
  return [
    ...shown.interfaces.flatMap((end) => describeEnd(pid, end)),
    ...explainWays(shown, holder?.network),
    ...explainNames(pid),
    ...published(holder),
  ];
}

function describeEnd(pid: number, { name, up, kind, addresses, host }: End): Finding[] {
  const state = `${up ? "up" : "down"}${addresses.length === 0 ? ", without an IPv4 address" : ` with ${addresses.join(", ")}`}`;
  const proof = fact(`RTM_GETLINK and RTM_GETADDR of PID ${pid}, ${name}`, state, RULE);
  if (name === "lo")
    return up
      ? []
      : [is("network-loopback-down", "loopback is down: to 127.0.0.1 connect(2) says ENETUNREACH", [proof], "ip link set lo up, inside")];
  if (kind !== "veth") return [is("network-interface", `${name} is ${state}`, [proof])];
  if (host === undefined)
    return [
      is("network-interface", `${name} is ${state}`, [proof]),
      cannotTell("network-other-end", `where the other end of ${name} is: not in the network namespace of this command`, [proof]),
    ];
  const port = host.bridge === undefined ? "on no bridge, so it leads to this host alone" : `a port of the bridge ${host.bridge}`;
  const there = fact(`RTM_GETLINK here, ${host.name}`, `${host.up ? "up" : "down"}, ${port}`, RULE);
  return [
    is("network-interface", `${name} is ${state}; its other end here is ${host.name}, ${host.up ? "up" : "down"}, ${port}`, [proof, there]),
  ];
}

const LISTEN = "0A"; // TCP_LISTEN, include/net/tcp_states.h

/** The ports that lead into this network namespace, and whether somebody listens there. */
function published(state: ReturnType<typeof networked>[number] | undefined): Finding[] {
  if (state?.init === undefined) return [];
  const { init, network, supervisor, id } = state;
  const proof = fact(`state.json of ${id}, network.publish`, network.publish.join(" "), "contain run --publish");
  return network.publish.map((text) => {
    const [, ip = "", host = "", port = "", protocol = ""] = /^(.*):(\d+):(\d+)\/(\w+)$/.exec(text) ?? [];
    const way = `port ${host}/${protocol} of ${ip === "0.0.0.0" ? "every address of the host" : ip} leads to its port ${port}, by PID ${supervisor.pid}${network.bridge === undefined ? " and pasta, its child" : ""}`;
    if (protocol !== "tcp") return is("network-published", way, [proof]);
    const listeners = ["tcp", "tcp6"].flatMap((file) => listening(`/proc/${init.pid}/net/${file}`, Number(port)));
    const tables = fact(`/proc/${init.pid}/net/tcp, tcp6`, listeners.join(", ") || `no ${LISTEN} at port ${port}`, "proc_pid_net(5)");
    if (listeners.length > 0) return is("network-published", `${way}; there somebody listens at ${listeners.join(", ")}`, [proof, tables]);
    return is("network-nobody-listens", `${way}, where nobody listens: a connection is closed at once`, [proof, tables]);
  });
}

/** Addresses as the kernel writes them, in hexadecimal with the port. */
function listening(path: string, port: number): string[] {
  const rows = (readIfThere(path) ?? "").split("\n").map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, , , state]) => state === LISTEN)
    .flatMap(([, local = ""]) => (Number.parseInt(local.split(":")[1] ?? "", 16) === port ? [local] : []));
}
