// Whether names can be resolved in a process's own network namespace: a copy of the host's resolv.conf often points to 127.0.0.53, where
// nobody listens.
import type { Finding } from "@contain-tools/chain";
import { close, O_DIRECTORY, O_PATH, open, openInRoot, readIfThere, readText } from "@contain-tools/kernel";
import { fact, is } from "../process/finding.ts";
import { nameServersIn, nobodyAnswers } from "./resolver.ts";
import { holdersOf } from "./sockets.ts";

const FILE = "/etc/resolv.conf";

export function explainNames(pid: number): Finding[] {
  const text = resolvConf(pid);
  if (text === undefined || readIfThere(`/proc/${pid}/net/udp`) === undefined) return [];
  const servers = nameServersIn(text);
  const why = nobodyAnswers(servers, "own", (port) => holdersOf(port, pid).map(({ address }) => address));
  if (why === undefined) return [];
  const proof = [
    fact(`/proc/${pid}/root${FILE}`, servers.join(" ") || "no nameserver", "resolv.conf(5)"),
    fact(`/proc/${pid}/net/{tcp,tcp6,udp,udp6}`, "nobody at port 53", "proc_pid_net(5)"),
  ];
  return [is("names-nobody-answers", `it cannot resolve names: ${why}`, proof, "--dns IP with --net veth, or another nameserver there")];
}

/** As the process finds it: a link in its root must not lead to our files. */
function resolvConf(pid: number): string | undefined {
  const held: number[] = [];
  try {
    const root = open(`/proc/${pid}/root`, O_PATH | O_DIRECTORY);
    held.push(root);
    const fd = openInRoot(root, FILE);
    held.push(fd);
    return readText(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  } finally {
    for (const fd of held) close(fd);
  }
}
