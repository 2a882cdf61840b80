// A seccomp filter from rules by name: the system's libseccomp knows the call numbers of every architecture, and makes the BPF program.

import { ToolError } from "../ffi/errno.ts";
import { declare, loadLibrary } from "../ffi/libc.ts";
import { close, pread } from "../file/open.ts";
import { fstat } from "../file/stat.ts";
import { matchWord, refuseNewer, type WordRule } from "./bpf.ts";

/** `argument OP value`; for MASKED_EQ (7) `argument & value == second`. */
export interface Condition {
  readonly index: number;
  /** enum scmp_compare. */
  readonly op: number;
  readonly value: bigint;
  readonly second: bigint;
}

export interface FilterRule {
  readonly name: string;
  readonly action: number;
  /** All must hold. */
  readonly conditions: readonly Condition[];
}

export interface FilterRules {
  readonly defaultAction: number;
  readonly first: readonly WordRule[];
  /** The native one is always included. */
  readonly architectures: readonly number[];
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  readonly rules: readonly FilterRule[];
  /** Calls newer than all of these get ENOSYS instead of the default action, so that libc falls back to older ones; empty: no such rule. */
  readonly known: readonly string[];
}

/** The few functions of libseccomp that are needed (seccomp_init(3), …). */
interface Library {
  readonly init: (action: number) => unknown;
  readonly archAdd: (context: unknown, arch: number) => number;
  readonly ruleAdd: (context: unknown, action: number, number: number, count: number, conditions: Buffer) => number;
  readonly exportBpf: (context: unknown, fd: number) => number;
  readonly release: (context: unknown) => void;
  readonly numberOf: (name: string) => number;
  readonly numberThere: (arch: number, name: string) => number;
  readonly nameOf: (arch: number, number: number) => string | null;
}

let library: Library | undefined;

function load(): Library {
  if (library !== undefined) return library;
  try {
    const so = loadLibrary("libseccomp.so.2");
    library = {
      init: so.func("seccomp_init", "void *", ["uint32_t"]),
      archAdd: so.func("seccomp_arch_add", "int", ["void *", "uint32_t"]),
      ruleAdd: so.func("seccomp_rule_add_array", "int", ["void *", "uint32_t", "int", "uint", "void *"]),
      exportBpf: so.func("seccomp_export_bpf", "int", ["void *", "int"]),
      release: so.func("seccomp_release", "void", ["void *"]),
      numberOf: so.func("seccomp_syscall_resolve_name", "int", ["str"]),
      numberThere: so.func("seccomp_syscall_resolve_name_arch", "int", ["uint32_t", "str"]),
      nameOf: so.func("seccomp_syscall_resolve_num_arch", "str", ["uint32_t", "int"]),
    } as Library;
    return library;
  } catch (error) {
    throw new ToolError(
      "--seccomp needs libseccomp.so.2, and it cannot be loaded",
      "it makes the filter from the names of the calls: install the package libseccomp2 (libseccomp on Fedora and Alpine), or give --seccomp none",
      125,
      { cause: error },
    );
  }
}

const UNKNOWN = -1; // __NR_SCMP_ERROR: libseccomp is older than the call, which then gets the default action
const EEXIST = 17;

/** Compiles the rules; call it while planning. @throws ToolError without libseccomp, or if it refuses a rule */
export function compileFilter(wanted: FilterRules): Buffer {
  const seccomp = load();
  const context = seccomp.init(wanted.defaultAction);
  if (context === null) throw new ToolError(`libseccomp does not know the default action 0x${wanted.defaultAction.toString(16)}`);
  try {
    for (const arch of wanted.architectures) {
      const result = seccomp.archAdd(context, arch);
      if (result !== 0 && result !== -EEXIST) throw new ToolError(`libseccomp: seccomp_arch_add(0x${arch.toString(16)}): errno ${-result}`);
    }
    for (const { name, action, conditions } of wanted.rules) {
      const number = seccomp.numberOf(name);
      if (number === UNKNOWN || action === wanted.defaultAction) continue;
      const result = seccomp.ruleAdd(context, action, number, conditions.length, pack(conditions));
      if (result < 0 && result !== -EEXIST) throw new ToolError(`libseccomp: seccomp_rule_add(${name}): errno ${-result}`);
    }
    const last = Math.max(-1, ...wanted.known.map(seccomp.numberOf));
    const newer = last < 0 ? [] : wanted.architectures.map((arch) => refuseNewer(arch, last));
    const first = wanted.first.flatMap((rule) =>
      wanted.architectures.map((arch) => matchWord(arch, seccomp.numberThere(arch, rule.name), rule)),
    );
    return Buffer.concat([...newer, ...first, exportFilter(seccomp, context)]);
  } finally {
    seccomp.release(context);
  }
}

/** An array of struct scmp_arg_cmp. */
function pack(conditions: readonly Condition[]): Buffer {
  const bytes = Buffer.alloc(24 * Math.max(1, conditions.length));
  for (const [i, { index, op, value, second }] of conditions.entries()) {
    bytes.writeUInt32LE(index, 24 * i);
    bytes.writeUInt32LE(op, 24 * i + 4);
    bytes.writeBigUInt64LE(value, 24 * i + 8);
    bytes.writeBigUInt64LE(second, 24 * i + 16);
  }
  return bytes;
}

const memfdCreateC = declare("memfd_create");

function exportFilter(seccomp: Library, context: unknown): Buffer {
  const fd = memfdCreateC("filter", 1);
  try {
    const result = seccomp.exportBpf(context, fd);
    if (result !== 0) throw new ToolError(`libseccomp: seccomp_export_bpf: errno ${-result}`);
    const program = Buffer.alloc(fstat(fd).size);
    pread(fd, program, 0);
    return program;
  } finally {
    close(fd);
  }
}

/** The number of a call on this machine, in a process that has made a filter; undefined if libseccomp does not know it. */
export function syscallNumber(name: string): number | undefined {
  const number = library?.numberOf(name) ?? UNKNOWN;
  return number < 0 ? undefined : number;
}

/** The name of a call, in a process that has made a filter. */
export function syscallName(arch: number, number: number): string {
  return library?.nameOf(arch, number) ?? `system call ${number}`;
}
