// inotify(7): waiting until a file grows.

import { declare } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";
import { read } from "../file/open.ts";

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;
const IN_MODIFY = 2;
const inotifyInit1C = declare("inotify_init1");
const inotifyAddWatchC = declare("inotify_add_watch");

/**
 * inotify_init1(2), inotify_add_watch(2): a descriptor that is readable when `path`, or a file in it, was written to. All processes of a
 * user share 128 of them (fs.inotify.max_user_instances), so this is for commands that end, not for what stays.
 *
 * @throws SyscallError ENOENT, EMFILE
 */
export function inotify(path: string): number {
  const fd = sys("inotify_init1", () => ["IN_CLOEXEC|IN_NONBLOCK"], inotifyInit1C(IN_CLOEXEC | IN_NONBLOCK));
  sys("inotify_add_watch", () => [`${fd}`, quote(path), "IN_MODIFY"], inotifyAddWatchC(fd, path, IN_MODIFY));
  return fd;
}

const events = new Uint8Array(4096);

/** Takes the events that have come, so that it can be waited for again. */
export function takeNotices(fd: number): void {
  read(fd, events);
}
