// The files of a log, for readers: `log` is the newest, and becomes log.N while they read (file.ts).
import { close, codeOf, exists, fstat, open, pread, readdir, statIfThere } from "@contain-tools/kernel";
import { endsLine, isEntry, NEWLINE } from "./format.ts";

/** More than the longest entry. */
export const BLOCK = 128 << 10; // bytes

export interface Part {
  readonly fd: number;
  readonly ino: number;
}

interface Parts {
  /** The oldest first. Their descriptors are the caller's to close. */
  readonly parts: Part[];
  /** Older output was removed. */
  readonly cut: boolean;
}

/** Opens all files of a log, without a gap if they are renamed meanwhile. */
export function openParts(folder: string): Parts {
  const newest = openPart(`${folder}/log`);
  const numbers = numbersOf(folder);
  const older = numbers.flatMap((number) => openPart(`${folder}/log.${number}`) ?? []);
  const [first] = older;
  const cut = first !== undefined && ((numbers[0] ?? 1) > 1 || fstat(first.fd).size === 0);
  if (newest === undefined) return { parts: older, cut };
  const again = older.findIndex(({ ino }) => ino === newest.ino); // it got its number after it was opened
  if (again !== -1) closeParts(older.splice(again));
  return { parts: [...older, newest], cut };
}

/** The numbers of the older files, the oldest first; none if the container was removed meanwhile. */
export function numbersOf(folder: string): number[] {
  if (!exists(folder)) return [];
  return readdir(folder)
    .flatMap((name) => /^log\.(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export function closeParts(parts: readonly Part[]): void {
  for (const { fd } of parts) close(fd);
}

/** True if entries go to another file by now. */
export function isRotated(folder: string, { ino }: Part): boolean {
  const newest = statIfThere(`${folder}/log`);
  return newest !== undefined && newest.ino !== ino;
}

function openPart(path: string): Part | undefined {
  try {
    const fd = open(path);
    return { fd, ino: fstat(fd).ino };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Where the last lines begin: the number of files before, and the byte in the next one; undefined if there are no more lines. */
export function findTail(
  parts: readonly Part[],
  lines: number,
  wanted: (entry: Buffer) => boolean,
): { readonly before: number; readonly at: number } | undefined {
  const block = Buffer.allocUnsafeSlow(BLOCK);
  let found = 0;
  let seen = false;
  for (let before = parts.length - 1; before >= 0; before--) {
    const { fd } = parts[before] as Part;
    for (let end = fstat(fd).size; end > 0; ) {
      const from = Math.max(0, end - BLOCK);
      const length = pread(fd, block.subarray(0, end - from), from);
      let stop = length; // where the entry ends
      while (stop > 0) {
        const newline = stop < 2 ? -1 : block.lastIndexOf(NEWLINE, stop - 2);
        if (newline === -1 && from > 0 && stop < length) break; // it begins before this block
        const entry = block.subarray(newline + 1, stop);
        if (isEntry(entry) && wanted(entry)) {
          if ((endsLine(entry) || !seen) && ++found > lines) return { before, at: from + stop };
          seen = true;
        }
        stop = newline + 1;
      }
      end = length === 0 ? 0 : from + stop;
    }
  }
  return undefined;
}
