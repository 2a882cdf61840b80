// The head of an ELF file for 64 bits: the segments that the kernel and the dynamic linker map; see elf(5).

export const PT_LOAD = 1;
export const PF_X = 1;
const LARGE = 2 << 20;

/** Where each segment's entry is in the file, and what the entry says. */
export function segmentsOf(file) {
  const u64 = (at) => Number(file.readBigUInt64LE(at));
  return Array.from({ length: file.readUInt16LE(56) }, (_, i) => {
    const at = u64(32) + i * 56;
    return {
      at,
      type: file.readUInt32LE(at),
      flags: file.readUInt32LE(at + 4),
      offset: u64(at + 8),
      address: u64(at + 16),
      size: u64(at + 32),
      memory: u64(at + 40),
      align: u64(at + 48),
    };
  });
}

/**
 * The program with its code so in the file that a large folio of the page cache (2 MiB) is mapped as a whole: 16 pages a fault
 * otherwise, and three hundred faults a start. What follows moves up by less than 2 MiB; addresses stay.
 */
export function onLargePages(file) {
  const segments = segmentsOf(file);
  const code = segments.find(({ type, flags }) => type === PT_LOAD && flags & PF_X);
  const gap = (((code.address - code.offset) % LARGE) + LARGE) % LARGE;
  const moved = segments.filter(({ offset }) => offset >= code.offset);
  if (moved.some(({ align }) => gap % Math.max(align, 1) !== 0)) return file;
  const changed = Buffer.concat([file.subarray(0, code.offset), Buffer.alloc(gap), file.subarray(code.offset)]);
  const move = (at) => {
    const offset = Number(changed.readBigUInt64LE(at));
    if (offset >= code.offset) changed.writeBigUInt64LE(BigInt(offset + gap), at);
  };
  for (const { at } of segments) move(at + 8);
  changed.writeBigUInt64LE(BigInt(LARGE), code.at + 48);
  move(40); // the section headers
  const sections = Number(changed.readBigUInt64LE(40));
  for (let i = 0; i < changed.readUInt16LE(60); i++) move(sections + i * 64 + 24);
  return changed;
}
