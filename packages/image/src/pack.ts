// Entries, written as a tar.
import { textOf, write } from "@contain-tools/kernel";
import { type Header, pack } from "tar-stream";
import type { Entry } from "./tar.ts";

/** Writes a tar of the entries. @throws SyscallError EPIPE, ENOSPC, … */
export async function writeTar(fd: number, entries: Iterable<Entry>): Promise<void> {
  const tar = pack();
  const writing = async () => {
    for await (const chunk of tar as AsyncIterable<Uint8Array>) for (let at = 0; at < chunk.length; ) at += write(fd, chunk.subarray(at));
  };
  const packing = async () => {
    for (const entry of entries) await add(tar, entry);
    tar.finalize();
  };
  await Promise.all([writing(), packing()]);
}

async function add(tar: ReturnType<typeof pack>, entry: Entry): Promise<void> {
  const { mode, uid, gid, type, size, major, minor } = entry;
  const header: Header = {
    ...{ mode, uid, gid, type, size, uname: "", gname: "", devmajor: major, devminor: minor },
    name: textOf(entry.name) + (type === "directory" ? "/" : ""),
    linkname: textOf(entry.link),
    mtime: new Date(Number(entry.mtime / 1_000_000n)),
  };
  let end = (_: unknown) => {};
  const ended = new Promise<unknown>((resolve) => (end = resolve));
  const sink = tar.entry(header, end);
  if (type === "file" && size > 0) {
    let left = size; // exactly as many bytes as the header says, even if the file changes
    for await (const chunk of padded(entry.data)) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (!sink.write(part)) await new Promise<void>((resolve) => sink.once("drain", () => resolve()));
      if (left === 0) break;
    }
    sink.end(null);
  }
  const error = await ended;
  if (error instanceof Error) throw error;
}

/** The data, and then zeros without an end. */
async function* padded(data: Entry["data"]): AsyncGenerator<Uint8Array> {
  yield* data;
  for (;;) yield ZEROS;
}

const ZEROS = Buffer.alloc(1 << 16);
