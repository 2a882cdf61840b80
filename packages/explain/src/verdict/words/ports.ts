// bind(2): EADDRINUSE, and who has the port; EACCES, and the lowest port that everybody may use.
import type { Evidence, Finding } from "@contain-tools/chain";
import { readIfThere } from "@contain-tools/kernel";
import { holdersOf } from "../../network/sockets.ts";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { callerOf } from "./caller.ts";
import { portIn, type Said } from "./said.ts";

const MOST_TEXT = 500; // characters of output around the error
const FREE = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/** True for a line about a port, even if it has words about files. */
export const isAboutPort = ({ errno, words }: Said) =>
  errno === "EADDRINUSE" || (errno === "EACCES" && !words.includes("mount") && words.some((word) => word === "bind" || word === "listen"));

export function judgePort(c: Case, said: Said, evidence: Evidence): Finding[] {
  return said.errno === "EADDRINUSE" ? [inUse(c, said, evidence)] : [denied(c, said, evidence)];
}

function inUse(c: Case, { line, port }: Said, said: Evidence): Finding {
  const wrote = `it wrote ${JSON.stringify(line)} (EADDRINUSE)`;
  if (c.made.includes("net")) {
    const own = {
      source: "the namespaces that were made",
      value: c.made.join(" "),
      rule: "network_namespaces(7): a port is one namespace's",
    };
    return hint("port-in-use", `${wrote}: its network namespace is its own, so another process of the container had the port`, [said, own]);
  }
  const named = port ?? portIn((c.output ?? "").slice(-MOST_TEXT));
  const candidates = named === undefined ? numbersIn(c.argv) : [named];
  const found = candidates.flatMap((number) => holdersOf(number));
  const tables = (value: string): Evidence => ({ source: "/proc/net/{tcp,tcp6,udp,udp6}", value, rule: "proc_pid_net(5)" });
  const fix = "another port, or --net veth with a network of its own";
  if (found.length === 0) {
    const which = candidates.length === 0 ? "it names no port" : `port ${candidates.join(", ")} is not bound any more`;
    const text = `${wrote}: the network is the host's, whose processes share its ports. Who had it: cannot tell, ${which}`;
    return hint("port-in-use", text, [said, tables("no such port")], fix);
  }
  const who = found.map(
    ({ port, protocol, address, holder }) =>
      `${holder ?? "a process that cannot be seen from here"} has port ${port}/${protocol} on ${address}`,
  );
  const text = `${wrote}: the network is the host's, and there ${[...new Set(who)].join("; ")}`;
  return hint("port-in-use", text, [said, ...found.map((one) => tables(`${one.row}, inode ${one.inode}`))], fix);
}

/** Ports that the command line may mean, if the error names none. */
function numbersIn(argv: readonly string[]): number[] {
  const numbers = argv.flatMap((word) => word.match(/(?<![\w.])\d{2,5}(?![\w.])/g) ?? []).map(Number);
  return [...new Set(numbers)].filter((number) => number <= 65535).slice(0, 8);
}

function denied(c: Case, { line, port }: Said, said: Evidence): Finding {
  const wrote = `it wrote ${JSON.stringify(line)} (EACCES)`;
  const caller = callerOf(c);
  const start = c.made.includes("net") ? undefined : Number(readIfThere(FREE) ?? Number.NaN);
  const free: Evidence =
    start === undefined
      ? { source: FREE, value: "1024, of a new network namespace", rule: "ip(7)" }
      : { source: FREE, value: `${start}`, rule: "ip(7)" };
  const below = `ports below ${start ?? 1024} need CAP_NET_BIND_SERVICE`;
  const fix = "a higher port, or --sysctl net.ipv4.ip_unprivileged_port_start=0 with a network of its own";
  if (caller === undefined) return hint("port-denied", `${wrote}: ${below}`, [said, free], fix);
  const capabilities = caller.evidence("CapEff", "capabilities(7) CAP_NET_BIND_SERVICE");
  if (!caller.has("CAP_NET_BIND_SERVICE"))
    return hint(
      "port-denied",
      `${wrote}: ${below}, which the program${port === undefined ? "" : ` (port ${port})`} did not have when it was started`,
      [said, free, capabilities],
      fix,
    );
  if (caller.userns && !c.made.includes("net")) {
    const text = `${wrote}: ${below} in the user namespace of the network, which is the host's; the container has it in its own`;
    return hint("port-denied", text, [said, free, capabilities], fix);
  }
  return hint("port-denied", `${wrote}. Why: cannot tell; ${below}, which it had`, [said, free, capabilities]);
}
