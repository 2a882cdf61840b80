// Files of a group that poll(2) can be asked about.
import { closeQuietly, open, pread, readIfThere } from "@contain-tools/kernel";

/** Opens and reads one: the kernel wakes us for what changes from here on. undefined if it is not there, or goes meanwhile (ENODEV). */
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
