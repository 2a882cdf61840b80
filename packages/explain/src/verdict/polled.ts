// Files of a group that poll(2) can watch.
import { closeQuietly, open, pread, readIfThere } from "@contain-tools/kernel";

/** Opens and reads one: from here on the kernel wakes us for changes. undefined if it does not exist, or disappears meanwhile (ENODEV). */
export function openPolled(path: string, buffer: Uint8Array): { readonly fd: number; readonly length: number } | undefined {
  if (readIfThere(path) === undefined) return undefined; // without an exception, which takes half a millisecond
  let fd = -1;
  try {
    fd = open(path);
    return { fd, length: pread(fd, buffer, 0) };
  } catch {
    closeQuietly(fd);
    return undefined;
  }
}
