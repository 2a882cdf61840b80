// The entries of a tar. Names and attributes keep their bytes: each character of a text is one byte (latin1).
import { codeOf, quote, ToolError } from "@contain-tools/kernel";
import { type Extract, extract, type Header } from "tar-stream";
import type { Chunks } from "./bytes.ts";

export interface Entry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "link" | "character-device" | "block-device" | "fifo";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly size: number;
  /** Where a link leads. */
  readonly link: string;
  readonly major: number;
  readonly minor: number;
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** Where its data begins in the tar. */
  readonly at: number;
  readonly data: Chunks;
}

type Records = ReadonlyMap<string, Buffer>;
const MAX_ID = 0xfffffffe; // -1 leaves an owner as it is (chown(2))
const XATTR = "SCHILY.xattr.";
const TYPES: readonly string[] = ["file", "directory", "symlink", "link", "character-device", "block-device", "fifo"];

/** @throws ToolError if it is not a tar, or is cut off */
export async function* entriesOf(bytes: Chunks, what: string): AsyncGenerator<Entry> {
  const tar = extract({ filenameEncoding: "latin1", allowUnknownFormat: true } as Parameters<typeof extract>[0]); // its types lack them;
  const records = rawRecords(tar);
  void feed(tar, bytes); // nobody waits for it: its source may be a pipe that never ends
  try {
    for await (const item of tar) {
      const data = explained(item as Chunks, what);
      yield { ...describe(item.header as Header & { byteOffset: number }, records(), what), data };
      item.resume(); // what nobody has read
    }
  } catch (error) {
    throw explain(error, what);
  } finally {
    tar.destroy(null);
  }
}

async function* explained(data: Chunks, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* data;
  } catch (error) {
    throw explain(error, what);
  }
}

/** Turns an error of a stream or of tar-stream into one of ours. */
function explain(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof ToolError) return error;
  if ("syscall" in error) return new ToolError(`${what}: cannot be read: ${codeOf(error)}`, undefined, 125, { cause: error });
  return new ToolError(`${what}: not a tar, or damaged: ${error.message.split(".", 1)[0]}`, undefined, 125, { cause: error });
}

async function feed(tar: Extract, bytes: Chunks): Promise<void> {
  let go = () => {};
  for (const event of ["drain", "close"]) tar.on(event, () => go());
  try {
    for await (const chunk of bytes) {
      if (!tar.write(chunk))
        await new Promise<void>((resolve) => {
          if (tar.destroyed) resolve();
          go = resolve;
        });
      if (tar.destroyed) return;
    }
    tar.end(null);
  } catch (error) {
    tar.destroy(error as Error);
  }
}

/** Returns a function that gives the PAX records of the current entry. tar-stream decodes them as UTF-8, which damages a capability. */
function rawRecords(tar: Extract): () => Records {
  const inner = tar as unknown as { _header: { type: string }; _decodeLongHeader: (bytes: Buffer) => void };
  const decode = inner._decodeLongHeader as (this: unknown, bytes: Buffer) => void;
  let common: Records = new Map();
  let own: Records = new Map();
  inner._decodeLongHeader = (bytes) => {
    if (inner._header.type === "pax-header") own = parseRecords(bytes);
    if (inner._header.type === "pax-global-header") common = parseRecords(bytes);
    decode.call(inner, bytes);
  };
  return () => {
    const all = new Map([...common, ...own]);
    own = new Map();
    return all;
  };
}

/** Each is `LENGTH KEY=VALUE\n` (pax(1)). */
function parseRecords(bytes: Buffer): Records {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 20), 10);
    const [key, equals] = [bytes.indexOf(" ", at) + 1, bytes.indexOf("=", at)];
    if (!(length > 0) || key === 0 || equals < key || at + length > bytes.length) break;
    records.set(bytes.toString("latin1", key, equals), bytes.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

function describe(header: Header & { readonly byteOffset: number }, records: Records, what: string): Omit<Entry, "data"> {
  const text = (key: string) => records.get(key)?.toString("latin1");
  const name = text("path") ?? header.name;
  const id = (key: "uid" | "gid") => {
    const word = text(key) ?? `${header[key] ?? 0}`;
    if (!/^\d+$/.test(word) || Number(word) > MAX_ID)
      throw new ToolError(`${what}: ${name} has the ${key} ${quote(word)}, which is not a number of a user or group`);
    return Number(word);
  };
  const type = (header.type as string | null) === "contiguous-file" ? "file" : header.type;
  if (!TYPES.includes(type ?? "") || [...records.keys()].some((key) => key.startsWith("GNU.sparse.")))
    throw new ToolError(
      `${what}: ${name} is of a kind that is not read here`,
      "a sparse file of `tar --sparse`, or a tar of several volumes",
    );
  const attributes = [...records].flatMap(([key, value]) => (key.startsWith(XATTR) ? [[key.slice(XATTR.length), value] as const] : []));
  return {
    name,
    type: type as Entry["type"],
    mode: header.mode ?? 0,
    uid: id("uid"),
    gid: id("gid"),
    mtime: nanoseconds(text("mtime")) ?? BigInt(header.mtime?.getTime() ?? 0) * 1_000_000n,
    size: header.size ?? 0,
    link: text("linkpath") ?? header.linkname ?? "",
    major: header.devmajor ?? 0,
    minor: header.devminor ?? 0,
    attributes: new Map(attributes),
    at: header.byteOffset,
  };
}

/** `1700000000.25`. */
function nanoseconds(text: string | undefined): bigint | undefined {
  const [, sign = "", seconds = "", fraction = ""] = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text ?? "") ?? [];
  if (seconds === "") return undefined;
  const value = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "" ? value : -value;
}
