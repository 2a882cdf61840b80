// Scheduling attributes of this process: CPUs, time, disk, memory nodes, the execution domain. All of them survive execve(2).
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { flags, sys } from "../ffi/trace.ts";

const schedSetattrC = declareSyscall(SYS.sched_setattr);
const schedSetaffinityC = declareSyscall(SYS.sched_setaffinity);
const ioprioSetC = declareSyscall(SYS.ioprio_set);
const setMempolicyC = declareSyscall(SYS.set_mempolicy);
const personalityC = declareSyscall(SYS.personality);

/** SCHED_*, as sched(7) names them. */
export const SCHEDULING_POLICIES = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
} as const;

/** SCHED_FLAG_* of sched_setattr(2) and linux/sched.h. */
export const SCHEDULING_FLAGS = {
  SCHED_FLAG_RESET_ON_FORK: 1,
  SCHED_FLAG_RECLAIM: 2,
  SCHED_FLAG_DL_OVERRUN: 4,
  SCHED_FLAG_KEEP_POLICY: 8,
  SCHED_FLAG_KEEP_PARAMS: 16,
  SCHED_FLAG_UTIL_CLAMP_MIN: 32,
  SCHED_FLAG_UTIL_CLAMP_MAX: 64,
} as const;

/** struct sched_attr; times in nanoseconds. */
export interface Scheduling {
  readonly policy: keyof typeof SCHEDULING_POLICIES;
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  readonly runtime: bigint;
  readonly deadline: bigint;
  readonly period: bigint;
}

/** sched_setattr(2) of this process. @throws SyscallError EPERM without CAP_SYS_NICE or RLIMIT_RTPRIO, EINVAL, EBUSY */
export function setScheduling({ policy, flags: bits, nice, priority, runtime, deadline, period }: Scheduling): void {
  const attributes = Buffer.alloc(48);
  attributes.writeUInt32LE(attributes.length, 0);
  attributes.writeUInt32LE(SCHEDULING_POLICIES[policy], 4);
  attributes.writeBigUInt64LE(BigInt(bits), 8);
  attributes.writeInt32LE(nice, 16);
  attributes.writeUInt32LE(priority, 20);
  attributes.writeBigUInt64LE(runtime, 24);
  attributes.writeBigUInt64LE(deadline, 32);
  attributes.writeBigUInt64LE(period, 40);
  const text = () => {
    const times = `sched_runtime=${runtime}, sched_deadline=${deadline}, sched_period=${period}`;
    const rest = `sched_flags=${flags(SCHEDULING_FLAGS, bits)}, sched_nice=${nice}, sched_priority=${priority}, ${times}`;
    return ["0", `{size=48, sched_policy=${policy}, ${rest}}`, "0"];
  };
  sys("sched_setattr", text, schedSetattrC(0, attributes, 0));
}

/** sched_setaffinity(2) of this process, by CPU numbers. @throws SyscallError EINVAL if its cpuset has none of them */
export function setAffinity(cpus: readonly number[]): void {
  const mask = bitMask(cpus);
  sys("sched_setaffinity", () => ["0", `${mask.length}`, `[${cpus.join(" ")}]`], schedSetaffinityC(0, mask.length, mask));
}

/** Bit N for number N, in whole 64-bit words. */
function bitMask(numbers: readonly number[]): Buffer {
  const mask = Buffer.alloc(8 * Math.ceil((Math.max(0, ...numbers) + 1) / 64));
  for (const number of numbers) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return mask;
}

const IOPRIO_WHO_PROCESS = 1;

/** IOPRIO_CLASS_*, as ioprio_set(2) has them. */
export const IO_CLASSES = { IOPRIO_CLASS_NONE: 0, IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;

/** ioprio_set(2) of this process. @throws SyscallError EPERM without CAP_SYS_NICE or CAP_SYS_ADMIN for IOPRIO_CLASS_RT */
export function setIoPriority(name: keyof typeof IO_CLASSES, priority: number): void {
  const value = (IO_CLASSES[name] << 13) | priority;
  sys("ioprio_set", () => ["IOPRIO_WHO_PROCESS", "0", `IOPRIO_PRIO_VALUE(${name}, ${priority})`], ioprioSetC(IOPRIO_WHO_PROCESS, 0, value));
}

/** MPOL_*, as set_mempolicy(2) has them. */
export const MEMORY_POLICIES = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const;
export const MEMORY_POLICY_FLAGS = { MPOL_F_STATIC_NODES: 0x8000, MPOL_F_RELATIVE_NODES: 0x4000, MPOL_F_NUMA_BALANCING: 0x2000 } as const;

/** set_mempolicy(2): the memory nodes on which pages are allocated. @throws SyscallError EINVAL, ENOSYS without CONFIG_NUMA */
export function setMemoryPolicy(mode: keyof typeof MEMORY_POLICIES, bits: number, nodes: readonly number[]): void {
  const mask = bitMask(nodes);
  const most = nodes.length === 0 ? 0 : mask.length * 8 + 1; // the kernel reads one bit less (set_mempolicy(2), BUGS)
  sys(
    "set_mempolicy",
    () => [`${mode}|${flags(MEMORY_POLICY_FLAGS, bits)}`, `[${nodes.join(" ")}]`, `${most}`],
    setMempolicyC(MEMORY_POLICIES[mode] | bits, nodes.length === 0 ? null : mask, most),
  );
}

/** Execution domains: PER_LINUX and PER_LINUX32 of personality(2). */
export const PERSONALITIES = { LINUX: 0, LINUX32: 8 } as const;

/** personality(2): with LINUX32, uname(2) reports the machine's 32-bit name. */
export function setPersonality(domain: keyof typeof PERSONALITIES): void {
  sys("personality", () => [`PER_${domain}`], personalityC(PERSONALITIES[domain]));
}
