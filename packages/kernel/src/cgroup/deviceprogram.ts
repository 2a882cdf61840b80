// Which devices a group may use, as an eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE, since Linux 4.15; linux/bpf.h, struct bpf_cgroup_dev_ctx).

/** What is done with a device: BPF_DEVCG_ACC_*. */
export const DEVICE_ACCESS = { m: 1, r: 2, w: 4 } as const;

/** One line of a device list. For each kind of access, the last rule that fits decides. */
export interface DeviceRule {
  readonly allow: boolean;
  /** Block, character, or any. */
  readonly type: "b" | "c" | "a";
  /** undefined for any. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Bits of DEVICE_ACCESS. */
  readonly access: number;
}

const ALL = DEVICE_ACCESS.m | DEVICE_ACCESS.r | DEVICE_ACCESS.w;
const TYPES = { b: 1, c: 2 } as const; // BPF_DEVCG_DEV_*

const LOAD = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const MOVE = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
const COPY = 0xbf; // BPF_ALU64 | BPF_MOV | BPF_X
const AND = 0x57;
const SHIFT_RIGHT = 0x77;
const JUMP_UNLESS_EQUAL = 0x55; // BPF_JMP | BPF_JNE | BPF_K
const JUMP_IF_ANY = 0x45; // BPF_JSET
const JUMP = 0x05;
const EXIT = 0x95;

/** Registers: the answer, the context, then the request. */
const ANSWER = 0;
const CONTEXT = 1;
const TYPE = 2;
const WANTED = 3;
const MAJOR = 4;
const MINOR = 5;

interface Instruction {
  readonly code: number;
  readonly to: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

const answer = (value: 0 | 1): Instruction[] => [
  { code: MOVE, to: ANSWER, value },
  { code: EXIT, to: 0 },
];

/**
 * The program: what no rule allows is refused (EPERM). The rules run from the last to the first; each takes the kinds of access that it
 * allows or refuses from the request, until none is left.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Buffer {
  const program: Instruction[] = [
    { code: LOAD, to: TYPE, from: CONTEXT, offset: 0 },
    { code: COPY, to: WANTED, from: TYPE },
    { code: AND, to: TYPE, value: 0xffff },
    { code: SHIFT_RIGHT, to: WANTED, value: 16 },
    { code: LOAD, to: MAJOR, from: CONTEXT, offset: 4 },
    { code: LOAD, to: MINOR, from: CONTEXT, offset: 8 },
  ];
  for (const rule of rules.toReversed()) {
    const { allow, type, major, minor, access } = rule;
    const act = allow ? allowing(access) : refusing(access);
    const fits = [
      [TYPE, type === "a" ? undefined : TYPES[type]],
      [MAJOR, major],
      [MINOR, minor],
    ] as const;
    const tests = fits.flatMap(([to, value]) => (value === undefined ? [] : [{ to, value }]));
    tests.forEach(({ to, value }, i) => {
      program.push({ code: JUMP_UNLESS_EQUAL, to, value, offset: tests.length - 1 - i + act.length });
    });
    program.push(...act);
    if (tests.length === 0 && access === ALL) return encode(program); // the verifier rejects instructions that cannot be reached
  }
  program.push(...answer(0));
  return encode(program);
}

function allowing(access: number): Instruction[] {
  if (access === ALL) return answer(1);
  return [{ code: AND, to: WANTED, value: ALL & ~access }, { code: JUMP_UNLESS_EQUAL, to: WANTED, value: 0, offset: 2 }, ...answer(1)];
}

function refusing(access: number): Instruction[] {
  if (access === ALL) return answer(0);
  return [{ code: JUMP_IF_ANY, to: WANTED, value: access, offset: 1 }, { code: JUMP, to: 0, offset: 2 }, ...answer(0)];
}

/** struct bpf_insn, on machines that put the lower byte first: x86-64 and arm64. */
function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(8 * program.length);
  for (const [i, { code, to, from = 0, offset = 0, value = 0 }] of program.entries()) {
    bytes.writeUInt8(code, 8 * i);
    bytes.writeUInt8((from << 4) | to, 8 * i + 1);
    bytes.writeInt16LE(offset, 8 * i + 2);
    bytes.writeInt32LE(value, 8 * i + 4);
  }
  return bytes;
}
