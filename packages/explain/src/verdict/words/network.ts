// Connections that fail because the network namespace is the container's own: its loopback is not the host's, and it may have no route.
import type { Evidence, Finding } from "@contain-tools/chain";
import { holdersOf } from "../../network/sockets.ts";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { portIn } from "./said.ts";

const REFUSED = /connection refused|ECONNREFUSED|couldn't connect to server/i;
const UNREACHABLE = /network is unreachable|ENETUNREACH/i;
const IPV6 = /\b[0-9a-f]{1,4}(:[0-9a-f]{1,4})*::|\b([0-9a-f]{1,4}:){7}/i;
const LOOPBACK = /\b127\.\d+\.\d+\.\d+\b|\blocalhost\b|(?:^|[\s[])::1\b/;

export const isAboutConnection = (line: string) => REFUSED.test(line) || UNREACHABLE.test(line);

export function judgeConnection({ made }: Case, line: string, said: Evidence): Finding[] {
  const wrote = `it wrote ${JSON.stringify(line)}`;
  const isOwn = made.includes("net");
  const own: Evidence = { source: "the namespaces that were made", value: made.join(" "), rule: "network_namespaces(7)" };
  if (UNREACHABLE.test(line)) {
    const text = `${wrote}: its network namespace is its own, and has no route there`;
    const fix = IPV6.test(line) ? "--net host: --net veth has IPv4 alone" : "--net veth or --net host: --net none has no route";
    return isOwn ? [hint("no-route", text, [said, own], fix)] : [];
  }
  if (!LOOPBACK.test(line)) return [];
  if (isOwn) {
    const text = `${wrote}: its network namespace is its own, so this address is the container itself, not the host: none of its own processes listened there`;
    return [hint("nobody-listens", text, [said, own], "the host's address on the bridge, a published port, or --net host")];
  }
  const port = portIn(line.replace("/dev/tcp/", "").replaceAll("/", ":"));
  const holders = port === undefined ? [] : holdersOf(port).filter(({ protocol }) => protocol === "tcp");
  if (port === undefined || holders.length > 0) return [];
  const tables = { source: "/proc/net/{tcp,tcp6}", value: `no socket that listens at ${port}`, rule: "proc_pid_net(5)" };
  return [hint("nobody-listens", `${wrote}: nobody listens at port ${port} of the host, whose network it shares`, [said, tables])];
}
