// Capabilities of the calling thread (capabilities(7)): capget(2) and capset(2).
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";

/** Names of capabilities, by number (linux/capability.h). */
export const CAPABILITIES: readonly string[] = (
  "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP " +
  "CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER " +
  "CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE " +
  "CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP " +
  "CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF " +
  "CAP_CHECKPOINT_RESTORE"
).split(" ");

/** The three sets that capset(2) changes, capability N at bit N. */
export interface Capabilities {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

const VERSION_3 = 0x20080522; // two 32-bit words per set (linux/capability.h)
const capgetC = declareSyscall(SYS.capget);
const capsetC = declareSyscall(SYS.capset);

/** struct __user_cap_header_struct for the calling thread. */
function header(): Uint8Array {
  return new Uint8Array(new Uint32Array([VERSION_3, 0]).buffer);
}

/** capget(2). */
export function capget(): Capabilities {
  const data = new Uint32Array(6);
  sys("capget", () => ["{version=_LINUX_CAPABILITY_VERSION_3, pid=0}", "{…}"], capgetC(header(), new Uint8Array(data.buffer)));
  const set = (at: number) => BigInt(data[at] ?? 0) | (BigInt(data[at + 3] ?? 0) << 32n);
  return { effective: set(0), permitted: set(1), inheritable: set(2) };
}

/** capset(2). @throws SyscallError EPERM for a set that is not within the permitted one */
export function capset({ effective, permitted, inheritable }: Capabilities): void {
  const low = (set: bigint) => Number(set & 0xffff_ffffn);
  const high = (set: bigint) => Number(set >> 32n);
  const sets = [effective, permitted, inheritable];
  const data = new Uint32Array([...sets.map(low), ...sets.map(high)]);
  const text = () => [
    "{version=_LINUX_CAPABILITY_VERSION_3, pid=0}",
    `{effective=0x${effective.toString(16)}, permitted=0x${permitted.toString(16)}, inheritable=0x${inheritable.toString(16)}}`,
  ];
  sys("capset", text, capsetC(header(), new Uint8Array(data.buffer)));
}
