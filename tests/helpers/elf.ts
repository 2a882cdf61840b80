// ELF files that the kernel refuses to execute.

const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

/** The head of a 64-bit program for this machine or, with `foreign`, for another one; `interpreter` becomes its PT_INTERP. */
export function elf({ foreign = false, interpreter }: { foreign?: boolean; interpreter?: string }): Buffer {
  const name = Buffer.from(`${interpreter ?? ""}\0`);
  const bytes = Buffer.alloc(120 + name.length);
  bytes.write("\x7fELF", 0, "latin1");
  bytes.set([2, 1, 1], 4); // 64-bit, little endian, version 1
  const machine = foreign ? MACHINES[process.arch === "arm64" ? "x64" : "arm64"] : MACHINES[process.arch];
  bytes.writeUInt16LE(3, 16); // ET_DYN
  bytes.writeUInt16LE(machine ?? 0, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32); // program headers
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(interpreter === undefined ? 0 : 1, 56);
  bytes.writeUInt32LE(3, 64); // PT_INTERP
  bytes.writeBigUInt64LE(120n, 72);
  bytes.writeBigUInt64LE(BigInt(name.length), 96);
  bytes.writeBigUInt64LE(BigInt(name.length), 104);
  name.copy(bytes, 120);
  return bytes;
}
