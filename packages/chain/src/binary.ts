// Reads the head of an executable file: its `#!` line, its ELF interpreter, its architecture.

import { close, fstat, O_NONBLOCK, O_RDONLY, open, pread } from "@contain-tools/kernel";

const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  40: "ARM",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
  21: "PowerPC64",
  22: "S/390",
};
const OWN_MACHINES: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };
const PT_INTERP = 3;

export interface Binary {
  readonly kind: "script" | "elf" | "other";
  /** The program of a `#!` line, or the dynamic loader (PT_INTERP). */
  readonly interpreter?: string | undefined;
  /** The name of the ELF machine, if it is not this one. */
  readonly foreignMachine?: string | undefined;
  /** An ELF header without program headers, or with headers outside the file. */
  readonly damaged?: boolean;
}

/** Reads the head of an executable file, as execve(2) does; undefined if it cannot be read. */
export function readBinary(path: string): Binary | undefined {
  let fd: number;
  try {
    fd = open(path, O_RDONLY | O_NONBLOCK); // a FIFO would block until it has a writer
  } catch {
    return undefined;
  }
  try {
    const stat = fstat(fd);
    if (!stat.isFile()) return undefined;
    const head = Buffer.alloc(4096);
    const length = pread(fd, head, 0);
    if (head.toString("latin1", 0, 2) === "#!") {
      const line = head.toString("utf8", 2, length).split("\n", 1)[0] ?? "";
      return { kind: "script", interpreter: line.replace(/^[ \t]+/, "").split(/[ \t\0]/, 1)[0] };
    }
    if (length >= 64 && head.toString("latin1", 0, 4) === "\x7fELF") return readElf(head, stat.size);
    return { kind: "other" };
  } catch {
    return undefined;
  } finally {
    close(fd);
  }
}

function readElf(head: Buffer, fileSize: number): Binary {
  const machine = head.readUInt16LE(18);
  const foreignMachine = OWN_MACHINES[process.arch]?.includes(machine) ? undefined : (MACHINES[machine] ?? `machine ${machine}`);
  const wide = head[4] === 2;
  const table = wide ? Number(head.readBigUInt64LE(32)) : head.readUInt32LE(28);
  const size = head.readUInt16LE(wide ? 54 : 42);
  const count = head.readUInt16LE(wide ? 56 : 44);
  const damaged = size !== (wide ? 56 : 32) || count === 0 || table + size * count > fileSize;
  for (let at = table; at < table + size * count && at + size <= head.length; at += size) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const from = wide ? Number(head.readBigUInt64LE(at + 8)) : head.readUInt32LE(at + 4);
    const to = head.indexOf(0, from);
    return { kind: "elf", interpreter: head.toString("utf8", from, to), foreignMachine, damaged };
  }
  return { kind: "elf", foreignMachine, damaged };
}
