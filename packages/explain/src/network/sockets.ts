// Which process has a port: the tables of a network namespace give the socket's inode, and /proc/PID/fd its owner (proc_pid_net(5)).
import { printable, readIfThere } from "@contain-tools/kernel";
import { openFilesOf } from "../openfiles.ts";
import { pids } from "../process/processes.ts";

interface BoundSocket {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** As it is written: `0.0.0.0`, `[::]`. */
  readonly address: string;
  readonly inode: string;
  /** `nc (PID 12)`; undefined for a process of another PID namespace or another user. */
  readonly holder: string | undefined;
  readonly row: string;
}

const LISTEN = "0A"; // TCP_LISTEN, include/net/tcp_states.h

/** Sockets that listen at a port, or are bound to it (UDP). @param process any in the network namespace */
export function holdersOf(port: number, process: number | "self" = "self"): BoundSocket[] {
  const found = (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((file) => rowsOf(file, port, process));
  const wanted = new Set(found.map(({ inode }) => inode));
  const holders = wanted.size === 0 ? new Map<string, string>() : holdersByInode(wanted);
  return found.map((one) => ({ ...one, holder: holders.get(one.inode) }));
}

type File = "tcp" | "tcp6" | "udp" | "udp6";

function rowsOf(file: File, port: number, process: number | "self"): Omit<BoundSocket, "holder">[] {
  const protocol = file.startsWith("tcp") ? "tcp" : "udp";
  const rows = (readIfThere(`/proc/${process}/net/${file}`) ?? "").split("\n").slice(1);
  return rows.flatMap((row) => {
    const fields = row.trim().split(/\s+/);
    const [, local = "", , state] = fields;
    const [address = "", hex = ""] = local.split(":");
    if (Number.parseInt(hex, 16) !== port || (protocol === "tcp" && state !== LISTEN)) return [];
    return [{ port, protocol, address: readable(address), inode: fields[9] ?? "", row: `${file} ${local}` }];
  });
}

/** The kernel writes 32-bit words in the machine's byte order, little-endian on all that we run on. */
function readable(hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  if (bytes.length === 4) return [...bytes.reverse()].join(".");
  if (/^0+$/.test(hex)) return "[::]";
  return hex === "00000000000000000000000001000000" ? "[::1]" : "an IPv6 address";
}

function holdersByInode(wanted: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const pid of pids()) {
    for (const { file } of openFilesOf(pid)) {
      const inode = /^socket:\[(\d+)\]$/.exec(file)?.[1];
      if (inode === undefined || !wanted.has(inode) || found.has(inode)) continue;
      found.set(inode, `${printable(readIfThere(`/proc/${pid}/comm`)?.trim() ?? "?")} (PID ${pid})`);
      if (found.size === wanted.size) return found;
    }
  }
  return found;
}
