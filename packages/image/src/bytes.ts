// Reads a file, a part of one, or standard input, and decompresses it.
import { createReadStream } from "node:fs";
import { pipeline, Readable, type Transform } from "node:stream";
import zlib from "node:zlib";
import { ToolError } from "@contain-tools/kernel";

export type Chunks = AsyncIterable<Uint8Array>;

/** Some bytes of an open file. */
export interface Part {
  readonly fd: number;
  readonly at: number;
  readonly size: number;
}

const AT_ONCE = 1 << 18;

/** The bytes of a part. */
export function bytesOfPart({ fd, at, size }: Part): Chunks {
  if (size === 0) return Readable.from([]);
  return createReadStream("", { fd, start: at, end: at + size - 1, autoClose: false, highWaterMark: AT_ONCE });
}

/** All that is left to read from a descriptor, which may be a pipe. */
export const bytesOfStream = (fd: number): Chunks => createReadStream("", { fd, autoClose: false, highWaterMark: AT_ONCE });

const ZSTD = "28b52ffd";
const SKIPPABLE = /^5.2a4d18/; // a frame of zstd that holds no data (RFC 8878, 3.1.2)

/** The format of a file by its first bytes; undefined if it is not compressed. */
export function compressionOf(head: Uint8Array): "gzip" | "zstd" | "xz" | "bzip2" | undefined {
  const hex = Buffer.from(head.subarray(0, 6)).toString("hex");
  if (hex.startsWith("1f8b")) return "gzip";
  if (hex.startsWith(ZSTD) || SKIPPABLE.test(hex)) return "zstd";
  if (hex === "fd377a585a00") return "xz";
  return hex.startsWith("425a68") ? "bzip2" : undefined;
}

/**
 * The bytes decompressed, if they are compressed.
 *
 * @param reader a command that reads them from standard input; undefined if they cannot come from there
 * @throws ToolError for data that is neither gzip nor zstd, or is damaged
 */
export async function* decompressed(bytes: Chunks, what: string, reader: string | undefined): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  let head: Uint8Array = Buffer.alloc(0);
  for (let next = await source.next(); ; next = await source.next()) {
    if (!next.done) head = Buffer.concat([head, next.value]);
    if (next.done || head.length >= 6) break;
  }
  const all = (async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => source };
  })();
  const kind = compressionOf(head);
  if (kind === undefined) return yield* all;
  if (kind === "xz" || kind === "bzip2")
    throw new ToolError(`${what} is compressed with ${kind}, which is not read here`, reader && `${kind} -dc FILE | ${reader}`);
  try {
    yield* kind === "gzip" ? through(all, zlib.createGunzip()) : unzstd(all);
  } catch (error) {
    if (error instanceof ToolError || (error instanceof Error && "syscall" in error)) throw error;
    throw new ToolError(`${what}: damaged or cut off: ${error instanceof Error ? error.message : error} (${kind})`, undefined, 125, {
      cause: error,
    });
  }
}

async function* through(bytes: Chunks, transform: Transform): AsyncGenerator<Uint8Array> {
  pipeline(bytes, transform, () => {}); // errors come out of the transform
  yield* transform;
}

/** By the runtime if it knows zstd: Bun, Node since 22.15. */
async function* unzstd(bytes: Chunks): AsyncGenerator<Uint8Array> {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  if (createZstdDecompress !== undefined) return yield* through(bytes, createZstdDecompress());
  const { Decompress } = await import("fzstd");
  const done: Uint8Array[] = [];
  const stream = new Decompress((chunk) => done.push(chunk.slice()));
  for await (const chunk of bytes) {
    stream.push(chunk);
    yield* done.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* done;
}
