// /etc/hosts and /etc/resolv.conf of a container with its own network: files in its state's folder, bound over the rootfs's.
import { type Context, sayStep } from "@contain-tools/chain";
import {
  close,
  codeOf,
  exists,
  join,
  O_PATH,
  open,
  openInRoot,
  parseIp,
  quote,
  readText,
  SyscallError,
  UsageError,
  writeFile,
} from "@contain-tools/kernel";

const LOCAL = /^(127\.|::1$)/;

interface NameFiles {
  readonly ip: string;
  readonly hostname: string;
  readonly dns: readonly string[];
  readonly hosts: readonly Host[];
}

/** A line of /etc/hosts (hosts(5)). */
export interface Host {
  readonly name: string;
  readonly ip: string;
}

/** --add-host NAME:IP. @param gateway the meaning of host-gateway; undefined if there is none @throws UsageError */
export function readHosts(texts: readonly string[], gateway: string | undefined): Host[] {
  return texts.map((text) => {
    const [, name = "", word = ""] = /^([A-Za-z0-9_.-]+)[:=]\[?(.+?)\]?$/.exec(text) ?? [];
    const ip = word === "host-gateway" ? gateway : word;
    if (name === "") throw new UsageError(`--add-host ${quote(text)}: must be NAME:IP`);
    if (ip === undefined) throw new UsageError(`--add-host ${text}: host-gateway needs --net veth`, "without it the host is at 127.0.0.1");
    if (!ip.includes(":")) return { name, ip: parseIp("--add-host", ip) };
    if (process.getBuiltinModule("node:net").isIPv6(ip)) return { name, ip };
    throw new UsageError(`--add-host ${text}: ${quote(ip)} is not an IPv6 address`, "fd00::1");
  });
}

const hostLines = (hosts: readonly Host[]) => hosts.map(({ name, ip }) => `${ip}\t${name}\n`).join("");

/** Without its own network: the host's /etc/hosts, with more lines. */
export const hostsFile = (hosts: readonly Host[]): Readonly<Record<string, string>> => ({
  "/etc/hosts": `${exists("/etc/hosts") ? readText("/etc/hosts").trimEnd() : "127.0.0.1\tlocalhost"}\n${hostLines(hosts)}`,
});

/** Texts by the path inside. */
export function nameFiles({ ip, hostname, dns, hosts }: NameFiles): Readonly<Record<string, string>> {
  return {
    "/etc/hosts": `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${ip}\t${hostname}\n${hostLines(hosts)}`,
    "/etc/resolv.conf": dns.length > 0 ? dns.map((server) => `nameserver ${server}\n`).join("") : hostsResolver(),
  };
}

/** The host's, without servers that only the host can reach: inside, 127.0.0.53 is the container itself. */
function hostsResolver(): string {
  const read = (path: string) => (exists(path) ? readText(path) : "").split("\n");
  const reachable = (lines: string[]) =>
    lines.filter((line) => /^\s*(nameserver|search|options)\s/.test(line) && !LOCAL.test(line.trim().split(/\s+/)[1] ?? ""));
  const own = reachable(read("/etc/resolv.conf"));
  const lines = own.some((line) => line.includes("nameserver")) ? own : reachable(read("/run/systemd/resolve/resolv.conf"));
  return lines.map((line) => `${line}\n`).join("");
}

/** A file of ours, and its path inside. */
export interface NameFile {
  readonly source: string;
  readonly target: string;
}

/** Writes them into `folder`; a read-only rootfs without such a file stays without. */
export function writeNameFiles(
  context: Context,
  folder: string,
  files: Readonly<Record<string, string>>,
  rootfs: string,
  writable: boolean,
): NameFile[] {
  return Object.entries(files).flatMap(([path, text]) => {
    if (!writable && !isThere(rootfs, path)) {
      sayStep(context, `${rootfs} is read-only and has no ${path}: names are not set up`);
      return [];
    }
    const file = join(folder, path.slice("/etc/".length));
    writeFile(file, text, 0o644);
    return [{ source: file, target: path }];
  });
}

function isThere(rootfs: string, path: string): boolean {
  const root = open(rootfs, O_PATH);
  try {
    close(openInRoot(root, path));
    return true;
  } catch (error) {
    if (error instanceof SyscallError || codeOf(error) !== undefined) return false;
    throw error;
  } finally {
    close(root);
  }
}
