// The device program of a control group: bpf(2), with the commands of linux/bpf.h.

import { SyscallError } from "../ffi/errno.ts";
import { declareSyscall, koffi, SYS } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { close } from "../file/open.ts";
import { openGroup } from "./cgroup.ts";
import { type DeviceRule, deviceProgram } from "./deviceprogram.ts";

const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_DETACH = 9;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_PROG_QUERY = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
const BPF_F_ALLOW_MULTI = 2;
const MAX_PROGRAMS = 64; // BPF_CGROUP_MAX_PROGS
const NAME = "contain_devices"; // by this name our own programs are recognised; at most 15 characters
const bpfC = declareSyscall(SYS.bpf);

/** bpf(2). `shown` is the command and the attributes that matter. */
function bpf(command: number, shown: () => string[], attributes: Buffer): number {
  return sys("bpf", shown, bpfC(command, attributes, attributes.length));
}

/** union bpf_attr, from 32-bit words and buffer addresses, by their offsets. */
function attributesOf(words: Readonly<Record<number, number | Uint8Array>>): Buffer {
  const bytes = Buffer.alloc(72);
  for (const [offset, value] of Object.entries(words)) {
    if (typeof value === "number") bytes.writeUInt32LE(value, Number(offset));
    else bytes.writeBigUInt64LE(BigInt(koffi.address(value)), Number(offset));
  }
  return bytes;
}

/**
 * BPF_PROG_LOAD of the program for these rules.
 *
 * @returns its descriptor
 * @throws SyscallError EPERM without CAP_BPF and CAP_NET_ADMIN in the first user namespace, ENOSYS or EINVAL without CONFIG_CGROUP_BPF,
 * E2BIG for more than a thousand rules
 */
function loadDeviceProgram(rules: readonly DeviceRule[]): number {
  const program = deviceProgram(rules);
  const count = program.length / 8;
  const license = Buffer.from("MIT\0");
  const attributes = attributesOf({ 0: BPF_PROG_TYPE_CGROUP_DEVICE, 4: count, 8: program, 16: license });
  attributes.write(NAME, 48);
  return bpf(
    BPF_PROG_LOAD,
    () => ["BPF_PROG_LOAD", `{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt=${count}, license="MIT", prog_name="${NAME}"}`, "72"],
    attributes,
  );
}

/** The errno name with which this kernel refuses a device program to this process; undefined if it accepts one. Nothing is attached. */
export function whyNoDeviceProgram(): SyscallError | undefined {
  try {
    close(loadDeviceProgram([]));
    return undefined;
  } catch (error) {
    if (error instanceof SyscallError) return error;
    throw error;
  }
}

/**
 * Gives a group its list of devices. An earlier list of ours is replaced: the new program is attached first, and with two programs both
 * must allow an access, so at no moment is more allowed than by one of the lists. Programs of others stay.
 *
 * @param isNew true if the group was made just now, and so has none
 */
export function setDevices(dir: string, rules: readonly DeviceRule[], isNew: boolean): void {
  const program = loadDeviceProgram(rules);
  const group = openGroup(dir);
  try {
    const before = isNew ? [] : devicePrograms(group);
    attach(group, program);
    for (const { fd, name } of before) {
      if (name === NAME) detach(group, fd);
      close(fd);
    }
  } finally {
    close(group);
    close(program);
  }
}

function attach(group: number, program: number): void {
  bpf(
    BPF_PROG_ATTACH,
    () => [
      "BPF_PROG_ATTACH",
      `{target_fd=${group}, attach_bpf_fd=${program}, attach_type=BPF_CGROUP_DEVICE, attach_flags=BPF_F_ALLOW_MULTI}`,
      "72",
    ],
    attributesOf({ 0: group, 4: program, 8: BPF_CGROUP_DEVICE, 12: BPF_F_ALLOW_MULTI }),
  );
}

function detach(group: number, program: number): void {
  bpf(
    BPF_PROG_DETACH,
    () => ["BPF_PROG_DETACH", `{target_fd=${group}, attach_bpf_fd=${program}, attach_type=BPF_CGROUP_DEVICE}`, "72"],
    attributesOf({ 0: group, 4: program, 8: BPF_CGROUP_DEVICE }),
  );
}

interface DeviceProgram {
  readonly fd: number;
  readonly name: string;
}

/** The device programs that are attached to a group itself, open. @throws SyscallError EPERM without CAP_NET_ADMIN or CAP_SYS_ADMIN */
export function devicePrograms(group: number): DeviceProgram[] {
  const ids = new Uint32Array(MAX_PROGRAMS);
  const query = attributesOf({ 0: group, 4: BPF_CGROUP_DEVICE, 16: new Uint8Array(ids.buffer), 24: MAX_PROGRAMS });
  bpf(BPF_PROG_QUERY, () => ["BPF_PROG_QUERY", `{target_fd=${group}, attach_type=BPF_CGROUP_DEVICE}`, "72"], query);
  return Array.from(ids.subarray(0, query.readUInt32LE(24)), (id) => {
    const fd = bpf(BPF_PROG_GET_FD_BY_ID, () => ["BPF_PROG_GET_FD_BY_ID", `{prog_id=${id}}`, "72"], attributesOf({ 0: id }));
    return { fd, name: nameOf(fd) };
  });
}

function nameOf(program: number): string {
  const info = Buffer.alloc(80); // struct bpf_prog_info, to the end of its name
  const attributes = attributesOf({ 0: program, 4: info.length, 8: info });
  bpf(BPF_OBJ_GET_INFO_BY_FD, () => ["BPF_OBJ_GET_INFO_BY_FD", `{bpf_fd=${program}}`, "72"], attributes);
  return info.toString("latin1", 64).replace(/\0.*$/s, "");
}
