// Parses a line that a program wrote: which errno, about which file, in which call.

const TEXTS = {
  EROFS: "Read-only file system",
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  ENOSPC: "No space left on device",
  EMFILE: "Too many open files",
  EAGAIN: "Resource temporarily unavailable",
  EADDRINUSE: "Address already in use",
  ENOMEM: "Cannot allocate memory",
  EFBIG: "File too large",
} as const;

type ErrnoName = keyof typeof TEXTS;

export interface Said {
  readonly line: string;
  readonly errno: ErrnoName;
  /** A path, or a name without a slash; undefined if none is named. */
  readonly file: string | undefined;
  /** The words before the error, in lower case: `nc`, `bind`. */
  readonly words: readonly string[];
  /** `0.0.0.0:80` */
  readonly port: number | undefined;
}

/** Java, Python, Go: pthread_create(3) failed with EAGAIN, which they put in their own words. */
const NO_THREAD = /unable to create (?:new )?native thread|can't start new thread|failed to create new OS thread/i;
/** Python, C++, Go, busybox and perl word ENOMEM themselves too. */
const NO_MEMORY =
  /^MemoryError\b|std::bad_alloc|\bmemory exhausted\b|fatal error: runtime: (?:out of|cannot allocate) memory|(?:^|: )out of memory[!.]?(?:$| \()/i;

/** Node, watchdog of Python, inotify-tools and tail(1); .NET names both limits. */
const NO_WATCH =
  /number of file watchers reached|inotify watch limit reached|upper limit on inotify watches reached|inotify resources exhausted/i;
const NO_INSTANCE = /inotify instance limit reached|on the number of inotify instances has been reached/i;
/** bubblewrap. */
const NO_NAMESPACE = /max_\S*namespaces exceeded \(ENOSPC\)/;

/** @returns undefined for a line that does not end in an error of errno(3): `Permission denied (publickey)` comes from a remote host */
export function takeApart(line: string): Said | undefined {
  const plain = withoutColours(line).trim();
  if (NO_THREAD.test(plain)) return { line, errno: "EAGAIN", file: undefined, words: ["thread"], port: undefined };
  if (NO_MEMORY.test(plain)) return { line, errno: "ENOMEM", file: undefined, words: ["memory"], port: undefined };
  if (NO_WATCH.test(plain)) return { line, errno: "ENOSPC", file: undefined, words: ["inotify"], port: undefined };
  if (NO_INSTANCE.test(plain)) return { line, errno: "EMFILE", file: undefined, words: ["inotify"], port: undefined };
  if (NO_NAMESPACE.test(plain)) return { line, errno: "ENOSPC", file: undefined, words: ["namespace"], port: undefined };
  for (const [errno, text] of Object.entries(TEXTS) as [ErrnoName, string][]) {
    const at = plain.toLowerCase().lastIndexOf(text.toLowerCase());
    if (at === -1) continue;
    const before = plain.slice(0, at);
    const after = readAfter(plain.slice(at + text.length));
    if (after === undefined) return undefined;
    const file = after.file ?? fileBefore(before);
    const words = `${before} ${after.call ?? ""}`
      .toLowerCase()
      .split(/[^a-z0-9_]+/)
      .filter(Boolean);
    return { line, errno, file, words, port: after.port ?? portIn(before) };
  }
  return undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: as printable() shows an escape, and as it is
const COLOURS = /(?:\x1b|\\x1b|\\e|\\033)\[[0-9;]*[A-Za-z]/g;
export const withoutColours = (line: string) => line.replace(COLOURS, "");

interface After {
  readonly call?: string | undefined;
  readonly file?: string | undefined;
  readonly port?: number | undefined;
}

/** What may follow: nothing, the number (Rust, rsync), `: '/file'` (Python), `, open '/file'` and ` 0.0.0.0:80` (Node). */
function readAfter(text: string): After | undefined {
  const rest = text.replace(/^\s*\((?:(?:os error|errno)[ :=]*)?\d+\)/i, "").replace(/[\s.!)\]]+$/, "");
  if (/^["']?$/.test(rest)) return {};
  const named = /^(?::|, (\w+))\s+["'](.*)["']$/.exec(rest);
  if (named !== null) return { call: named[1], file: named[2] };
  const address = /^\s+\S*:(\d+)$/.exec(rest);
  return address === null ? undefined : { port: Number(address[1]) };
}

/** Names of calls and of their objects, which perror(3) puts where a file could be. */
const NO_FILES =
  " bind listen socket connect fork vfork clone unshare setns mount umount mknod setuid setgid setgroups chroot ptrace ioctl kill nice failed error errno root ";

/** `touch: /etc/x: `, `cannot create '/x': `, `open() "/x" failed (13: `. */
function fileBefore(before: string): string | undefined {
  const head = before
    .replace(/[\s:([]+$/, "")
    .replace(/[\s([:]+(?:errno )?\d+$/i, "")
    .replace(/\s+failed$/, "")
    .replace(/[\s:]+$/, "");
  const path = /(?:^|[\s"'`(=\u2018:])([^\s"'`(:=\u2018\u2019]*\/[^\s"'`:\u2018\u2019]*)["'`\u2019]?$/.exec(head)?.[1];
  if (path !== undefined) return path;
  const name = /(?:: |^(?=can))(?:can(?:no|')t [a-z ]+ )?["'`\u2018]?([\w.@+-]+)["'`\u2019]?$/.exec(head)?.[1];
  return name === undefined || NO_FILES.includes(` ${name.toLowerCase()} `) || !/: /.test(before) ? undefined : name;
}

/** The last one: a time of day may come first. */
export function portIn(text: string): number | undefined {
  const found = [...text.matchAll(/(?:[\s\d.\]*]|localhost):(\d{1,5})\b|\bport[ =:]*(\d{1,5})\b/gi)].at(-1);
  return found === undefined ? undefined : Number(found[1] ?? found[2]);
}
