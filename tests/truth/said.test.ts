// Lines of real programs, and what an error in them is about; the words of others that only look so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAboutInotify } from "../../packages/explain/src/verdict/words/inotify.ts";
import { isAboutNamespaces } from "../../packages/explain/src/verdict/words/namespaces.ts";
import { privilegedCall } from "../../packages/explain/src/verdict/words/privileges.ts";
import { takeApart } from "../../packages/explain/src/verdict/words/said.ts";

/** Line, errno, file or port or call. */
const LINES: readonly (readonly [string, string | undefined, (string | number)?])[] = [
  ["touch: cannot touch '/vol/x': Read-only file system", "EROFS", "/vol/x"],
  ["/bin/sh: 1: cannot create /x: Read-only file system", "EROFS", "/x"],
  ["open /x: read-only file system", "EROFS", "/x"],
  ["mkdir: can't create directory '/a/b/': Read-only file system", "EROFS", "/a/b/"],
  ["cat: x: Permission denied", "EACCES", "x"],
  ["Error: EACCES: permission denied, open '/x'", "EACCES", "/x"],
  ["PermissionError: [Errno 13] Permission denied: '/x'", "EACCES", "/x"],
  ["java.io.FileNotFoundException: /data/x (Permission denied)", "EACCES", "/data/x"],
  ['rsync: [sender] opendir "/x" failed: Permission denied (13)', "EACCES", "/x"],
  ['nginx: [emerg] open() "/x" failed (13: Permission denied)', "EACCES", "/x"],
  ["\u001b[31mcat: /x: Permission denied\u001b[0m", "EACCES", "/x"],
  ["tee: x: No space left on device", "ENOSPC", "x"],
  ["listen tcp :80: bind: permission denied", "EACCES", 80],
  ["Error: listen EACCES: permission denied 0.0.0.0:80", "EACCES", 80],
  ["12:30:01 nginx: [emerg] bind() to 0.0.0.0:81 failed (98: Address already in use)", "EADDRINUSE", 81],
  ["Error: listen EADDRINUSE: address already in use :::8080", "EADDRINUSE", 8080],
  ["su: setuid: Operation not permitted", "EPERM", "setuid"],
  ['nginx: [emerg] chown("/var", 101) failed (1: Operation not permitted)', "EPERM", "chown"],
  ["Error: EPERM: operation not permitted, mknod '/x'", "EPERM", "mknod"],
  ["mount: permission denied (are you root?)", undefined, "mount"],
  ["java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached", "EAGAIN"],
  ["RuntimeError: can't start new thread", "EAGAIN"],
  ["bash: fork: retry: Resource temporarily unavailable", "EAGAIN", "retry"],
  ["dd: error writing '/tmp/x': File too large", "EFBIG", "/tmp/x"],
  ["OSError: [Errno 27] File too large", "EFBIG"],
  ["OSError: [Errno 12] Cannot allocate memory", "ENOMEM"],
  ["sh: 1: Cannot fork: Cannot allocate memory", "ENOMEM"],
  ["MemoryError", "ENOMEM"],
  ["terminate called after throwing an instance of 'std::bad_alloc'", "ENOMEM"],
  ["dd: out of memory", "ENOMEM"],
  ["Out of memory!", "ENOMEM"],
  // Of another machine, of a login, or about nothing that could be looked at.
  ["git@host: Permission denied (publickey).", undefined],
  ["Permission denied, please try again.", undefined],
  ["mysql: Permission denied", "EACCES"],
  ["update of the date column: Operation not permitted", "EPERM"],
  ["oom-killer: the worker ran out of memory and was restarted", undefined],
  ["warning: a Read-only file system is faster", undefined],
];

for (const [line, errno, about] of LINES)
  test(line, () => {
    const said = takeApart(line);
    assert.equal(said?.errno, errno);
    assert.equal(privilegedCall(line, said) ?? said?.port ?? said?.file, about);
  });

/** What a line is about that ends in ENOSPC or EMFILE, which are words of disks and descriptors too. */
const LIMITS: readonly (readonly [string, "inotify" | "namespaces" | undefined])[] = [
  ["Error: ENOSPC: System limit for number of file watchers reached, watch '/app'", "inotify"],
  ["Error: EMFILE: too many open files, watch '/app'", "inotify"],
  ["OSError: [Errno 28] inotify watch limit reached", "inotify"],
  ["tail: inotify resources exhausted", "inotify"],
  ["tail: inotify cannot be used, reverting to polling: Too many open files", "inotify"],
  ["inotify_add_watch /sys/fs/cgroup/x: no space left on device", "inotify"],
  ["Failed to allocate directory watch: Too many open files", "inotify"],
  ["inotifyd: add watch (/x) failed: No space left on device", "inotify"],
  ["cp: error writing '/tmp/watch': No space left on device", undefined],
  ["cp: error writing 'add watch': No space left on device", undefined],
  ["tee: inotify.log: No space left on device", undefined],
  ["accept: Too many open files", undefined],
  ["unshare: unshare failed: No space left on device", "namespaces"],
  ["unshare: unshare(0x40000000): No space left on device", "namespaces"],
  ["cannot clone: No space left on device", "namespaces"],
  ["bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)", "namespaces"],
  ["nsexec: unshare(CLONE_NEWNET): ENOSPC (No space left on device)", "namespaces"],
  ["unshare: mount none on / failed: No space left on device", undefined],
  ["unshare: cannot open /tmp/x: No space left on device", undefined],
];

for (const [line, about] of LIMITS)
  test(line, () => {
    const said = takeApart(line);
    assert.ok(said);
    assert.deepEqual([isAboutInotify(said), isAboutNamespaces(said)], [about === "inotify", about === "namespaces"]);
  });
