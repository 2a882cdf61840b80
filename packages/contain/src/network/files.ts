// /etc/hosts and /etc/resolv.conf of a container with a network of its own: files in its state's folder, bound over the rootfs's.
import { type Context, sayStep } from "@contain-tools/chain";
import { close, codeOf, exists, join, O_PATH, open, openInRoot, readText, SyscallError, writeFile } from "@contain-tools/kernel";

const LOCAL = /^(127\.|::1$)/;

export interface NameFiles {
  readonly ip: string;
  readonly hostname: string;
  readonly dns: readonly string[];
}

/** Texts by the path inside. */
export function nameFiles({ ip, hostname, dns }: NameFiles): Readonly<Record<string, string>> {
  return {
    "/etc/hosts": `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${ip}\t${hostname}\n`,
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
