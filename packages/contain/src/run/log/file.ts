// The files of a log: `log`, and the older ones log.N, the highest number the newest. Together they stay within the bound.
import { warn } from "@contain-tools/chain";
import {
  close,
  codeOf,
  fstat,
  getLimit,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  open,
  pread,
  rename,
  truncate,
  uninterrupted,
  unlink,
  write as writeTo,
} from "@contain-tools/kernel";
import { NEWLINE } from "./format.ts";
import { numbersOf } from "./parts.ts";

const FILES = 4;
const LEAST = 16 << 10; // bytes of a file, more than any entry has
const END = 128 << 10; // bytes

interface LogFile {
  /** Appends whole entries. Entries that cannot be written are lost, with a message. */
  readonly write: (entries: Buffer) => void;
}

/**
 * @param bound bytes; undefined for none
 * @param continued there is a log already
 * @throws SyscallError if `log` cannot be made
 */
export function makeLogFile(folder: string, bound: number | undefined, continued: boolean): LogFile {
  const path = `${folder}/log`;
  let piece = Math.min(bound === undefined ? Number.POSITIVE_INFINITY : Math.floor(bound / FILES), Number(getLimit("fsize").soft));
  let fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  let size = continued ? fstat(fd).size : 0;
  const older = continued ? numbersOf(folder) : [];
  let [oldest, newest] = [older[0] ?? 1, older.at(-1) ?? 0]; // the numbers of the older files

  /** The file becomes an older one. */
  const rotate = () => {
    const next = open(`${folder}/.log`, O_WRONLY | O_CREAT | O_APPEND, 0o600);
    newest++;
    rename(path, `${path}.${newest}`);
    rename(`${folder}/.log`, path);
    close(fd);
    fd = next;
    size = 0;
    if (newest - oldest + 1 === FILES) dropOldest();
  };
  const dropOldest = () => unlink(`${path}.${oldest++}`);

  /** On a full disk: removes the oldest file. False if nothing can be removed. */
  const makeRoom = () => {
    if (oldest <= newest) dropOldest();
    else if (size >= LEAST) keepEnd();
    else return false;
    return true;
  };
  /** Removes all but the end of the only file; later in smaller steps. An empty older file tells readers that output was removed. */
  const keepEnd = () => {
    const end = readEnd(path, size, Math.min(END, Math.floor(size / 2)));
    piece = Math.max(LEAST, Math.min(piece, size / FILES));
    truncate(fd, 0);
    rotate();
    append(end);
  };

  const append = (entries: Uint8Array) => {
    try {
      for (let at = 0; at < entries.length; ) at += uninterrupted(() => writeTo(fd, entries.subarray(at)));
      size += entries.length;
    } catch (error) {
      truncate(fd, size); // no half entry
      throw error;
    }
  };
  /** Writes the entries that fit in the file; the rest go to the next one. */
  const write = (entries: Buffer) => {
    for (let rest = entries; rest.length > 0; ) {
      try {
        const room = piece - size;
        const end = rest.length <= room ? rest.length : rest.lastIndexOf(NEWLINE, Math.max(0, room - 1)) + 1;
        if (end === 0 && size > 0) {
          rotate();
          continue;
        }
        const fits = end > 0 ? end : rest.indexOf(NEWLINE) + 1; // longer than a file may be: the kernel will report it
        append(rest.subarray(0, fits));
        rest = rest.subarray(fits);
      } catch (error) {
        const full = codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT";
        if (full) tellOnce(`the log's file system is full (${codeOf(error)}): the oldest output is removed`);
        try {
          if (full && makeRoom()) continue;
        } catch {
          // nothing can be removed
        }
        tellOnce(`the log cannot be written (${codeOf(error) ?? error}): output is lost`);
        return;
      }
    }
  };
  return { write };
}

const told = new Set<string>();

function tellOnce(text: string): void {
  if (told.has(text)) return;
  told.add(text);
  warn(text);
}

/** The last entries of a file, in at most that many bytes. */
function readEnd(path: string, size: number, most: number): Uint8Array {
  const fd = open(path);
  const bytes = Buffer.allocUnsafeSlow(most);
  const length = pread(fd, bytes, size - bytes.length);
  close(fd);
  return bytes.subarray(bytes.indexOf(NEWLINE) + 1, length);
}
