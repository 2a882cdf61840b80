// Capabilities of the calling thread (capabilities(7)): capget(2) and capset(2).
import { declareSyscall, SYS } from "./libc.ts";
import { sys } from "./trace.ts";

/** Names of capabilities, by number (linux/capability.h). */
export const CAPABILITIES: readonly string[] = (
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast " +
  "net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice " +
  "sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm " +
  "block_suspend audit_read perfmon bpf checkpoint_restore"
)
  .split(" ")
  .map((name) => `CAP_${name.toUpperCase()}`);

/** The three sets that capset(2) changes, capability N at bit N. */
export interface Capabilities {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

const VERSION_3 = 0x20080522; // two 32-bit words a set (linux/capability.h)
const capgetC = declareSyscall(SYS.capget);
const capsetC = declareSyscall(SYS.capset);

/** struct __user_cap_header_struct for the calling thread. */
function header(): Uint8Array {
  return new Uint8Array(new Uint32Array([VERSION_3, 0]).buffer);
}

/** capget(2). */
export function capget(): Capabilities {
  const data = new Uint32Array(6);
  sys(
    "capget",
    () => ["{version=_LINUX_CAPABILITY_VERSION_3, pid=0}", "{…}"],
    () => capgetC(header(), new Uint8Array(data.buffer)),
  );
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
  sys("capset", text, () => capsetC(header(), new Uint8Array(data.buffer)));
}
