// The files of an image: in a directory, or in an archive with known positions.
import { close, failedWith, fdPath, fstat, O_DIRECTORY, O_PATH, open, openInRoot, pread, ToolError, textOf } from "@contain-tools/kernel";
import type { Part } from "./bytes.ts";
import { checkSum, sumOfName } from "./sums.ts";

export interface Store {
  readonly what: string;
  /** undefined if there is no such name. */
  readonly find: (name: string) => Part | undefined;
  /** This part is not needed any more. */
  readonly done: (part: Part) => void;
}

/** Names cannot lead out of the directory. @throws SyscallError ENOENT, ENOTDIR */
export function directoryStore(path: string): Store {
  const root = open(path, O_PATH | O_DIRECTORY);
  return {
    what: path,
    find: (name) => {
      const found = findIn(root, name);
      if (found === undefined) return undefined;
      try {
        const stat = fstat(found);
        if (!stat.isFile()) throw new ToolError(`${path}: ${textOf(name)} is not a regular file`); // a FIFO would block
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

const LARGEST = 16 << 20; // bytes of JSON; the largest known has some hundred thousand

/** The JSON of a name; undefined if missing. @throws ToolError if it is not JSON, or its checksum is not the one in its name */
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

/** JSON from strangers: a value that is missing, or of another type, counts as empty. */
export const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const texts = (value: unknown): readonly string[] => list(value).filter((one) => typeof one === "string");
