// Parts of a seccomp filter that libseccomp cannot make: classic BPF instructions (Documentation/userspace-api/seccomp_filter.rst).

/** Architectures as AUDIT_ARCH_* and SCMP_ARCH_* number them. */
export const ARCHITECTURES = { X86_64: 0xc000003e, X86: 0x40000003, X32: 0x4000003e, AARCH64: 0xc00000b7, ARM: 0x40000028 } as const;
export const NATIVE_ARCHITECTURE = process.arch === "arm64" ? ARCHITECTURES.AARCH64 : ARCHITECTURES.X86_64;

export const SECCOMP_RET_ERRNO = 0x00050000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;

/** An int argument that is refused. libseccomp compares all 64 bits, but the kernel looks at 32. This check precedes all rules. */
export interface WordRule {
  readonly name: string;
  /** Its number on 32-bit x86; libseccomp uses one of its own for calls that socketcall(2) does too. */
  readonly x86: number;
  readonly index: number;
  readonly values: readonly number[];
  /** All values from here up, unsigned. */
  readonly from?: number;
  readonly action: number;
}

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const GREATER_OR_EQUAL = 0x35;
const GREATER = 0x25;
const RETURN = 0x06;
const X32_BIT = 0x40000000;
const ENOSYS = 38;

const SAME_EVERYWHERE = 424; // since Linux 5.1 a new call has one number on all architectures

/**
 * `if (arch == ARCH && last < nr && nr < X32_BIT) return ERRNO(ENOSYS)`, and on to what follows.
 *
 * @param last the newest known call, by its number on this machine
 */
export function refuseNewer(arch: number, last: number): Buffer {
  if (arch !== NATIVE_ARCHITECTURE && last < SAME_EVERYWHERE) return Buffer.alloc(0);
  if (arch === ARCHITECTURES.X32) return Buffer.alloc(0); // its calls have x86-64's numbers plus a bit
  return instructions([
    [LOAD, 0, 0, 4], // seccomp_data.arch
    [EQUAL, 0, 4, arch],
    [LOAD, 0, 0, 0], // seccomp_data.nr
    [GREATER_OR_EQUAL, 2, 0, X32_BIT],
    [GREATER, 0, 1, last],
    [RETURN, 0, 0, SECCOMP_RET_ERRNO | ENOSYS],
  ]);
}

/** `if (arch == ARCH && nr == NUMBER && (u32)args[index] matches one of them) return action`. */
export function matchWord(arch: number, number: number, { x86, index, values, from, action }: WordRule): Buffer {
  const compared = [...values.map((value) => [EQUAL, value] as const), ...(from === undefined ? [] : [[GREATER_OR_EQUAL, from] as const])];
  const count = compared.length;
  return instructions([
    [LOAD, 0, 0, 4],
    [EQUAL, 0, count + 4, arch === ARCHITECTURES.X32 ? ARCHITECTURES.X86_64 : arch],
    [LOAD, 0, 0, 0],
    [EQUAL, 0, count + 2, arch === ARCHITECTURES.X86 ? x86 : number],
    [LOAD, 0, 0, 16 + 8 * index], // the lower half of seccomp_data.args[index]
    ...compared.map(([code, value], i) => [code, count - 1 - i, i === count - 1 ? 1 : 0, value] as const),
    [RETURN, 0, 0, action],
  ]);
}

function instructions(list: readonly (readonly [number, number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(8 * list.length);
  for (const [i, [code, yes, no, k]] of list.entries()) {
    bytes.writeUInt16LE(code, 8 * i);
    bytes.writeUInt8(yes, 8 * i + 2);
    bytes.writeUInt8(no, 8 * i + 3);
    bytes.writeUInt32LE(k, 8 * i + 4);
  }
  return bytes;
}

/** The same program with each `return from` replaced by `return to`. */
export function replaceReturn(program: Buffer, from: number, to: number): Buffer {
  const changed = Buffer.from(program);
  for (let at = 0; at < changed.length; at += 8) {
    if (changed.readUInt16LE(at) === RETURN && changed.readUInt32LE(at + 4) === from) changed.writeUInt32LE(to, at + 4);
  }
  return changed;
}
