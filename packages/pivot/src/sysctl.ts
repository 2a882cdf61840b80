// --sysctl: kernel parameters of the namespaces that this process is in (sysctl(8)).
import { namespaceId, quote, readlink, SyscallError, ToolError, UsageError, writeKernelFile } from "@contain-tools/kernel";

export interface Sysctl {
  readonly key: string;
  readonly value: string;
  /** The namespace it belongs to. */
  readonly kind: "ipc" | "net" | "uts";
}

/** Keys that belong to a namespace: IPC, network or UTS. All others belong to the whole host. */
const OWN = [
  [/^kernel\/(shm\w+|msg\w+|sem|auto_msgmni)$|^fs\/mqueue\/\w+$/, "ipc"],
  [/^net\/./, "net"],
  [/^kernel\/(hostname|domainname)$/, "uts"],
] as const;

/** `KEY=VALUE`, with dots or slashes in KEY. @throws UsageError for a key of the whole host */
export function readSysctl(text: string): Sysctl {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0));
  // As in sysctl(8): if the first separator is a slash, dots are part of a name (net/ipv4/conf/eth0.1/forwarding).
  const slashes = /^[^.]*\//.test(name);
  const key = slashes ? name : name.replaceAll(/[./]/g, (sign) => (sign === "." ? "/" : "."));
  if (at < 1 || !/^[\w./:@-]+$/.test(name)) throw new UsageError(`--sysctl ${quote(text)}: must be KEY=VALUE`);
  if (key.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new UsageError(`--sysctl ${quote(text)}: ${name} is not a name`);
  const kind = OWN.find(([pattern]) => pattern.test(key))?.[1];
  if (kind === undefined)
    throw new UsageError(
      `--sysctl ${name}: not of a namespace, and would change the host`,
      "net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem, kernel.hostname and kernel.domainname are (namespaces(7))",
    );
  return { key, value: text.slice(at + 1), kind };
}

/** Written through the host's /proc, before the root changes: it shows a process its own namespaces, and nobody inside has laid it out. */
export function writeSysctl({ key, value, kind }: Sysctl): void {
  if (isHosts(kind))
    throw new ToolError(
      `--sysctl ${key.replaceAll("/", ".")}: the ${kind} namespace is the host's, which would change`,
      `nsexec --${kind} makes another`,
    );
  try {
    writeKernelFile(`/proc/sys/${key}`, value);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const hint = error.code === "ENOENT" ? "this kernel has no such parameter, or not in this namespace" : error.hint;
    throw new ToolError(`--sysctl ${key.replaceAll("/", ".")}=${value}: cannot be written: ${error.code}`, hint, 125, { cause: error });
  }
}

/** The numbers of the initial namespaces (linux/nsfs.h); the network's has one since Linux 6.18. */
const INITIAL = { ipc: 0xefffffff, uts: 0xeffffffe, net: 0xeffffff9 } as const;

/**
 * True in an initial namespace, and in the namespace of PID 1 of this /proc, unless that is this process. Where it may not be read, we
 * cannot tell.
 */
function isHosts(kind: Sysctl["kind"]): boolean {
  const own = namespaceId("self", kind);
  if (own === `${kind}:[${INITIAL[kind]}]`) return true;
  return own !== undefined && readlink("/proc/self") !== "1" && namespaceId("1", kind) === own;
}
