// The files of an image: in a directory, or in an archive whose parts are found again by their places.
import { close, failedWith, fdPath, fstat, O_DIRECTORY, O_PATH, open, openInRoot, pread, ToolError, textOf } from "@contain-tools/kernel";
import type { Part } from "./bytes.ts";
import { checkSum, sumOfName } from "./sums.ts";

export interface Store {
  readonly what: string;
  /** undefined where there is none of this name. */
  readonly find: (name: string) => Part | undefined;
  /** A part is not needed any more. */
  readonly done: (part: Part) => void;
}

/** Names lead nowhere but into the directory. @throws SyscallError ENOENT, ENOTDIR */
export function directoryStore(path: string): Store {
  const root = open(path, O_PATH | O_DIRECTORY);
  return {
    what: path,
    find: (name) => {
      const found = findIn(root, name);
      if (found === undefined) return undefined;
      try {
        const stat = fstat(found);
        if (!stat.isFile()) throw new ToolError(`${path}: ${textOf(name)} is not a regular file`); // a FIFO would be waited for
        return { fd: open(fdPath(found)), at: 0, size: stat.size };
      } finally {
        close(found);
      }
    },
    done: ({ fd }) => close(fd),
  };
}

function findIn(root: number, name: string): number | undefined {
  try {
    return openInRoot(root, name);
  } catch (error) {
    if (failedWith(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

const LARGEST = 16 << 20; // bytes of a description; the largest known have some hundred thousand

/** The JSON of a name; undefined where there is none. @throws ToolError for what is no JSON, or has another sum than its name says */
export function readJson({ what, find, done }: Store, name: string): unknown {
  const part = find(name);
  if (part === undefined) return undefined;
  if (part.size > LARGEST) throw new ToolError(`${what}: ${textOf(name)} is too large for a description: ${part.size} bytes`);
  const bytes = Buffer.alloc(part.size);
  for (let at = 0; at < part.size; ) {
    const length = pread(part.fd, bytes.subarray(at), part.at + at);
    if (length === 0) break;
    at += length;
  }
  done(part);
  checkSum(bytes, sumOfName(name), `${what}: ${textOf(name)}`);
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ToolError(`${what}: ${textOf(name)} is not JSON`, undefined, 125, { cause });
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** JSON of others: what is not there, or of another type, is empty. */
export const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const texts = (value: unknown): readonly string[] => list(value).filter((one) => typeof one === "string");
