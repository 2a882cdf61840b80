// --sysctl: kernel parameters of the namespaces that this process is in (sysctl(8)).
import { quote, SyscallError, ToolError, UsageError, writeKernelFile } from "@contain-tools/kernel";

export interface Sysctl {
  readonly key: string;
  readonly value: string;
}

/** What belongs to a namespace: of the IPC one, the network one, the UTS one. Everything else is the whole host's. */
const OWN = [/^kernel\/(shm\w+|msg\w+|sem|auto_msgmni)$/, /^fs\/mqueue\/\w+$/, /^net\/./, /^kernel\/(hostname|domainname)$/];

/** `KEY=VALUE`, with dots or slashes in KEY. @throws UsageError for one of the whole host */
export function readSysctl(text: string): Sysctl {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0));
  // As sysctl(8): where the first separator is a slash, dots are of a name (net/ipv4/conf/eth0.1/forwarding).
  const slashes = /^[^.]*\//.test(name);
  const key = slashes ? name : name.replaceAll(/[./]/g, (sign) => (sign === "." ? "/" : "."));
  if (at < 1 || !/^[\w./:@-]+$/.test(name)) throw new UsageError(`--sysctl ${quote(text)}: it is KEY=VALUE`);
  if (key.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new UsageError(`--sysctl ${quote(text)}: ${name} is no name`);
  if (!OWN.some((pattern) => pattern.test(key)))
    throw new UsageError(
      `--sysctl ${name}: it is not of a namespace, and would change the host`,
      "net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem, kernel.hostname and kernel.domainname are (namespaces(7))",
    );
  return { key, value: text.slice(at + 1) };
}

/** Written by the /proc that is still the host's, which shows a process what its own namespaces have, and which nobody inside has laid out. */
export function writeSysctl({ key, value }: Sysctl): void {
  try {
    writeKernelFile(`/proc/sys/${key}`, value);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const hint = error.code === "ENOENT" ? "this kernel has no such parameter, or not in this namespace" : error.hint;
    throw new ToolError(`--sysctl ${key.replaceAll("/", ".")}=${value}: it cannot be written: ${error.code}`, hint, 125, { cause: error });
  }
}
