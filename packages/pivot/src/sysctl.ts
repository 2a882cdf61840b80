// --sysctl: kernel parameters of the namespaces that this process is in (sysctl(8)).
import { namespaceId, quote, readlink, SyscallError, ToolError, UsageError, writeKernelFile } from "@contain-tools/kernel";

export interface Sysctl {
  readonly key: string;
  readonly value: string;
  /** Of which namespace it is. */
  readonly kind: "ipc" | "net" | "uts";
}

/** What belongs to a namespace: of the IPC one, the network one, the UTS one. Everything else is the whole host's. */
const OWN = [
  [/^kernel\/(shm\w+|msg\w+|sem|auto_msgmni)$|^fs\/mqueue\/\w+$/, "ipc"],
  [/^net\/./, "net"],
  [/^kernel\/(hostname|domainname)$/, "uts"],
] as const;

/** `KEY=VALUE`, with dots or slashes in KEY. @throws UsageError for one of the whole host */
export function readSysctl(text: string): Sysctl {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0));
  // As sysctl(8): where the first separator is a slash, dots are of a name (net/ipv4/conf/eth0.1/forwarding).
  const slashes = /^[^.]*\//.test(name);
  const key = slashes ? name : name.replaceAll(/[./]/g, (sign) => (sign === "." ? "/" : "."));
  if (at < 1 || !/^[\w./:@-]+$/.test(name)) throw new UsageError(`--sysctl ${quote(text)}: must be KEY=VALUE`);
  if (key.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new UsageError(`--sysctl ${quote(text)}: ${name} is no name`);
  const kind = OWN.find(([pattern]) => pattern.test(key))?.[1];
  if (kind === undefined)
    throw new UsageError(
      `--sysctl ${name}: not of a namespace, and would change the host`,
      "net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem, kernel.hostname and kernel.domainname are (namespaces(7))",
    );
  return { key, value: text.slice(at + 1), kind };
}

/** Written by the /proc that is still the host's, which shows a process what its own namespaces have, and which nobody inside has laid out. */
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

/** The numbers of the initial namespaces (linux/nsfs.h); that of the network has one since Linux 6.18. */
const INITIAL = { ipc: 0xefffffff, uts: 0xeffffffe, net: 0xeffffff9 } as const;

/** True in an initial namespace, and in that of the PID 1 of this /proc, unless that is this process. Where it may not be looked at, it cannot be told. */
function isHosts(kind: Sysctl["kind"]): boolean {
  const own = namespaceId("self", kind);
  if (own === `${kind}:[${INITIAL[kind]}]`) return true;
  return own !== undefined && readlink("/proc/self") !== "1" && namespaceId("1", kind) === own;
}
