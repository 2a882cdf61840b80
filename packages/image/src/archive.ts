// A tar that holds images, or the root of a file system; its first name tells which.
import { close, fstat, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, open, pread, ToolError, unlink, write } from "@contain-tools/kernel";
import { bytesOfStream, compressionOf, decompressed, type Part } from "./bytes.ts";
import { split } from "./names.ts";
import type { Store } from "./store.ts";
import { type Entry, entriesOf } from "./tar.ts";

/** The names in an archive of images. */
const OF_IMAGE =
  /^(oci-layout|index\.json|manifest\.json|repositories|version|blobs(\/.*)?|(sha256:|sha\d+-)?[0-9a-f]{64,128}(\.json|\.tar|\/.*)?)$/;

/**
 * Reads a tar from a file or from `-`.
 *
 * @param dir for what must be kept from a tar that cannot be read twice; it is left empty
 * @param unpackRoot gets the entries of a root
 * @returns the files of the images; undefined if it was a root
 */
export async function readArchive(
  from: string,
  what: string,
  dir: string,
  unpackRoot: (entries: AsyncIterable<Entry>) => Promise<void>,
): Promise<Store | undefined> {
  const fd = from === "-" ? 0 : open(from);
  const entries = entriesOf(decompressed(bytesOfStream(fd), what, "contain rootfs DIR --from -"), what);
  const front: Entry[] = [];
  for (;;) {
    const next = await entries.next();
    if (next.done) throw new ToolError(`${what}: not a tar, or an empty one`);
    front.push(next.value);
    if (split(next.value.name).path !== "") break; // not the root itself
  }
  const all = (async function* () {
    yield* front;
    yield* entries;
  })();
  if (OF_IMAGE.test(split(front.at(-1)?.name ?? "").path))
    return { what, find: await findParts(all, canSeek(fd) ? fd : undefined, dir), done: () => {} };
  await unpackRoot(all);
  if (from !== "-") close(fd);
  return undefined;
}

/** True if the same bytes can be read again. */
function canSeek(fd: number): boolean {
  const head = Buffer.alloc(6);
  return fstat(fd).isFile() && pread(fd, head, 0) > 0 && compressionOf(head) === undefined;
}

/** Where the files are: in the archive, or in one file without a name. Links stand for their targets. */
async function findParts(entries: AsyncIterable<Entry>, archive: number | undefined, dir: string): Promise<Store["find"]> {
  const parts = new Map<string, Part>();
  const links = new Map<string, string>();
  const copy = archive === undefined ? nameless(dir) : -1;
  let end = 0;
  for await (const { name, type, link, at, size, data } of entries) {
    const { path, parent } = split(name);
    if (type === "symlink") links.set(path, `${parent}/${link}`);
    if (type === "link") links.set(path, link);
    if (type !== "file") continue;
    parts.set(path, archive === undefined ? { fd: copy, at: end, size } : { fd: archive, at, size });
    if (archive !== undefined) continue;
    for await (const chunk of data) for (let done = 0; done < chunk.length; ) done += write(copy, chunk.subarray(done));
    end += size;
  }
  return (name) => parts.get(plain(name)) ?? parts.get(plain(links.get(plain(name)) ?? ""));
}

function nameless(dir: string): number {
  const path = `${dir}/.image`;
  const fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  unlink(path);
  return fd;
}

/** `a/../b` is `b`: these names are keys of a table, not paths. */
function plain(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names.join("/");
}
