// node:fs: files opened, read and written.
import { declare } from "../libc.ts";
import { checked, constants, cPath, O_CLOEXEC, whole } from "./common.ts";

const openC = declare("open");
const closeC = declare("close");
const readC = declare("read", "long");
const preadC = declare("pread", "long");
const writeC = declare("write", "long");

const FLAGS: Readonly<Record<string, number>> = {
  r: constants.O_RDONLY,
  "r+": constants.O_RDWR,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
};

export function openSync(path: string, flags: string | number = "r", mode = 0o666): number {
  const bits = typeof flags === "number" ? flags : FLAGS[flags];
  if (bits === undefined) return whole().openSync(path, flags, mode);
  return checked(openC(cPath(path), bits | O_CLOEXEC, mode), "open", path);
}

export function closeSync(fd: number): void {
  checked(closeC(fd), "close");
}

export function readSync(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.length - offset,
  position: number | null = null,
): number {
  const place = buffer.subarray(offset, offset + length);
  return checked(position === null ? readC(fd, place, place.length) : preadC(fd, place, place.length, position), "read");
}

export function writeSync(fd: number, data: string | Uint8Array, offset = 0): number {
  const bytes = typeof data === "string" ? bytesOf(data) : data.subarray(offset);
  return checked(writeC(fd, bytes, bytes.length), "write");
}

/** As Buffer.from, whose first call takes a fifth of a millisecond. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** What readFileSync reads into; most files are shorter, and their text needs no copy of the bytes. */
let chunk: Buffer | undefined;

export function readFileSync(file: string | number, encoding?: BufferEncoding): string | Buffer {
  const fd = typeof file === "number" ? file : openSync(file);
  try {
    chunk ??= Buffer.allocUnsafeSlow(65536);
    const parts: Buffer[] = [];
    let at = 0;
    for (let length = readSync(fd, chunk); length > 0; length = readSync(fd, chunk, at)) {
      at += length;
      if (at < chunk.length) continue;
      parts.push(Buffer.from(chunk));
      at = 0;
    }
    if (parts.length === 0 && encoding !== undefined) return chunk.toString(encoding, 0, at);
    const bytes = Buffer.concat([...parts, chunk.subarray(0, at)]);
    return encoding === undefined ? bytes : bytes.toString(encoding);
  } finally {
    if (fd !== file) closeSync(fd);
  }
}

export function writeFileSync(
  path: string,
  data: string | Uint8Array,
  { mode = 0o666, flag = "w" }: { readonly mode?: number; readonly flag?: string } = {},
): void {
  const fd = openSync(path, flag, mode);
  try {
    const bytes = typeof data === "string" ? bytesOf(data) : data;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}
