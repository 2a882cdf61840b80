// The native programs' node:fs and node:path against Node's own: what they answer, and how they fail.
import assert from "node:assert/strict";
import * as theirs from "node:fs";
import * as theirPath from "node:path";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as ours from "../packages/kernel/src/native/fs.ts";
import * as ourPath from "../packages/kernel/src/native/path.ts";
import { scratch } from "./helpers/rootfs.ts";

type Fs = typeof theirs;
const { constants } = theirs;
const own = ours as unknown as Fs;

/** Both do the same with a directory of their own; what comes of it is compared, its path in errors too. */
function compare(what: string, act: (fs: Fs, dir: string) => unknown): void {
  test(what, () => {
    const [mine, nodes] = [own, theirs].map((fs) => {
      const dir = scratch("nativefs");
      theirs.writeFileSync(join(dir, "text"), "some text, ä\n");
      theirs.writeFileSync(join(dir, "secret"), "", { mode: 0o640 });
      theirs.mkdirSync(join(dir, "full/below"), { recursive: true });
      theirs.symlinkSync("text", join(dir, "link"));
      theirs.symlinkSync("nowhere", join(dir, "dangling"));
      return outcome(() => act(fs, dir), dir);
    });
    assert.deepEqual(mine, nodes);
  });
}

function outcome(act: () => unknown, dir: string): unknown {
  try {
    return { value: act() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code, errno, syscall, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
    const short = (text?: string) => text?.replaceAll(dir, "DIR");
    // Node has words of its own for the error number; ours are strerror(3)'s.
    return { code, errno, syscall, path: short(path), dest: short(dest), message: short(error.message)?.replace(/: .*?,|Received .*/, "") };
  }
}

const KINDS = ["isFile", "isDirectory", "isSymbolicLink", "isCharacterDevice", "isBlockDevice", "isFIFO", "isSocket"] as const;

/** What is the same of two files alike. */
function kept(stat: theirs.Stats | undefined): unknown {
  if (stat === undefined) return undefined;
  const { mode, nlink, uid, gid, size, blksize, blocks, rdev, dev } = stat;
  return { mode, nlink, uid, gid, size, blksize, blocks, rdev, dev, kinds: KINDS.filter((kind) => stat[kind]()) };
}

/** Calls `act` with a descriptor of the file. */
function opened<T>(fs: Fs, path: string, flags: string | number, act: (fd: number) => T): T {
  const fd = fs.openSync(path, flags);
  try {
    return act(fd);
  } finally {
    fs.closeSync(fd);
  }
}

describe("node:fs of the native programs", () => {
  for (const encoding of [undefined, "utf8", "latin1"] as const) {
    compare(`readFileSync: ${encoding}`, (fs, dir) => fs.readFileSync(join(dir, "text"), encoding).toString());
    compare(`readFileSync: a file that is no multiple of its buffer, ${encoding}`, (fs, dir) => {
      theirs.writeFileSync(join(dir, "long"), "ä".repeat(100_001));
      return fs.readFileSync(join(dir, "long"), encoding).length;
    });
    compare(`readFileSync: a file as long as its buffer, ${encoding}`, (fs, dir) => {
      theirs.writeFileSync(join(dir, "long"), "x".repeat(65536));
      return fs.readFileSync(join(dir, "long"), encoding).length;
    });
  }
  compare("readFileSync: a descriptor, which stays open", (fs, dir) =>
    opened(fs, join(dir, "text"), "r", (fd) => [fs.readFileSync(fd, "utf8"), theirs.fstatSync(fd).isFile()]),
  );
  compare("readFileSync: /proc", (fs) => fs.readFileSync("/proc/self/mountinfo", "utf8").length > 0);
  compare("readFileSync: no such file", (fs, dir) => fs.readFileSync(join(dir, "none"), "utf8"));
  compare("readFileSync: a directory", (fs, dir) => fs.readFileSync(dir));
  compare("readFileSync: below a file", (fs, dir) => fs.readFileSync(join(dir, "text/none")));
  compare("readFileSync: a NUL in the path", (fs) => fs.readFileSync("a\0b"));

  for (const flag of ["r", "r+", "w", "wx", "a"]) {
    for (const name of ["text", "new", "full"]) {
      compare(`openSync ${flag}: ${name}`, (fs, dir) => {
        opened(fs, join(dir, name), flag, (fd) => flag !== "r" && fs.writeSync(fd, "more"));
        return theirs.readFileSync(join(dir, name), "utf8");
      });
    }
  }
  compare("openSync: close-on-exec, and the mode less the umask", (fs, dir) => {
    const umask = process.umask(0o027);
    const fd = fs.openSync(join(dir, "new"), constants.O_CREAT | constants.O_WRONLY, 0o777);
    process.umask(umask);
    const flags = /^flags:\s*(\d+)$/m.exec(theirs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    const { mode } = theirs.fstatSync(fd);
    fs.closeSync(fd);
    return [flags, mode];
  });
  compare("openSync: O_EXCL of a dangling link", (fs, dir) =>
    fs.openSync(join(dir, "dangling"), constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY),
  );
  compare("readSync: with and without a position, into a part of a buffer, at the end", (fs, dir) =>
    opened(fs, join(dir, "text"), "r", (fd) => {
      const bytes = Buffer.alloc(20, ".");
      const counts = [
        fs.readSync(fd, bytes, 2, 4, 5),
        fs.readSync(fd, bytes, 8, 3, null),
        fs.readSync(fd, bytes, 15, 5, 100),
        fs.readSync(fd, bytes),
      ];
      return [counts, bytes.toString("latin1")];
    }),
  );
  compare("writeSync: text, bytes, bytes from a place on", (fs, dir) => {
    const counts = opened(fs, join(dir, "new"), "w", (fd) => [
      fs.writeSync(fd, "ä"),
      fs.writeSync(fd, Buffer.from("bytes")),
      fs.writeSync(fd, Buffer.from("bytes"), 3),
    ]);
    return [counts, theirs.readFileSync(join(dir, "new"), "utf8")];
  });
  for (const call of ["readSync", "writeSync", "closeSync", "fstatSync"] as const)
    compare(`${call}: no descriptor`, (fs) => (fs[call] as (fd: number, bytes: Buffer) => unknown)(999, Buffer.alloc(1)));
  compare("writeFileSync: what was there is gone; the mode is for a new file", (fs, dir) => {
    fs.writeFileSync(join(dir, "text"), "x");
    fs.writeFileSync(join(dir, "new"), Buffer.from("new"), { mode: 0o600 });
    return [theirs.readFileSync(join(dir, "text"), "utf8"), kept(theirs.statSync(join(dir, "new")))];
  });
  compare("writeFileSync: no such directory", (fs, dir) => fs.writeFileSync(join(dir, "none/new"), ""));
  compare("writeFileSync: a device that is full", (fs) => fs.writeFileSync("/dev/full", "x"));

  for (const name of [
    "text",
    "secret",
    "full",
    "link",
    "dangling",
    "none",
    "text/none",
    "/dev/null",
    "/dev/tty",
    "/proc/self",
    "/proc/1/exe",
  ]) {
    for (const call of ["statSync", "lstatSync"] as const) {
      const path = (dir: string) => (name.startsWith("/") ? name : join(dir, name));
      compare(`${call}: ${name}`, (fs, dir) => kept(fs[call](path(dir))));
      compare(`${call}, nothing thrown: ${name}`, (fs, dir) => kept(fs[call](path(dir), { throwIfNoEntry: false })));
    }
    compare(`existsSync: ${name}`, (fs, dir) => fs.existsSync(join(dir, name)));
    compare(`accessSync: ${name}`, (fs, dir) => fs.accessSync(join(dir, name), constants.X_OK));
  }
  compare(
    "statSync: the same file has the same number",
    (fs, dir) => fs.statSync(join(dir, "link")).ino === theirs.statSync(join(dir, "text")).ino,
  );
  compare("statSync: times", (fs) => {
    const { atimeMs, birthtimeMs, ctimeMs, mtimeMs } = fs.statSync("/etc/passwd");
    return [atimeMs, birthtimeMs, ctimeMs, mtimeMs].map(Math.round);
  });
  test("statSync has all that Node's has but dates, so that nobody reads what is not there", () => {
    const [mine, nodes] = [own, theirs].map((fs) =>
      Object.keys(fs.statSync("/"))
        .filter((key) => !/time$/.test(key))
        .sort(),
    );
    assert.deepEqual(mine, nodes);
  });
  compare("statSync: in 64 bits", (fs, dir) => typeof fs.statSync(dir, { bigint: true }).ino);
  compare("fstatSync", (fs, dir) => opened(fs, join(dir, "secret"), "r", (fd) => kept(fs.fstatSync(fd))));

  compare("readdirSync", (fs, dir) => fs.readdirSync(dir).sort());
  compare("readdirSync: more than fits into its buffer", (fs, dir) => {
    for (let i = 0; i < 2000; i++) theirs.writeFileSync(join(dir, `a-rather-long-name-${i}`), "");
    return fs.readdirSync(dir).sort();
  });
  compare("readdirSync: which are directories", (fs, dir) =>
    fs
      .readdirSync(dir, { withFileTypes: true })
      .map((entry) => [entry.name, entry.isDirectory()])
      .sort(),
  );
  for (const name of ["none", "text"]) compare(`readdirSync: ${name}`, (fs, dir) => fs.readdirSync(join(dir, name)));

  for (const name of ["link", "dangling", "text", "none"]) compare(`readlinkSync: ${name}`, (fs, dir) => fs.readlinkSync(join(dir, name)));
  for (const name of ["new", "text", "none/new"]) {
    compare(`mkdirSync: ${name}`, (fs, dir) => {
      fs.mkdirSync(join(dir, name), { mode: 0o700 });
      fs.mkdirSync(join(dir, name, "below"), 0o755);
      return [name, join(name, "below")].map((made) => kept(theirs.statSync(join(dir, made))));
    });
  }
  for (const name of ["full", "full/below", "text", "none"]) compare(`rmdirSync: ${name}`, (fs, dir) => fs.rmdirSync(join(dir, name)));
  for (const name of ["text", "link", "none"]) compare(`unlinkSync: ${name}`, (fs, dir) => fs.unlinkSync(join(dir, name)));
  for (const [from, to] of [
    ["text", "new"],
    ["text", "link"],
    ["text", "full"],
    ["none", "new"],
  ] as const) {
    compare(`renameSync: ${from} to ${to}`, (fs, dir) => {
      fs.renameSync(join(dir, from), join(dir, to));
      return theirs.readdirSync(dir).sort();
    });
    compare(`symlinkSync: ${from} at ${to}`, (fs, dir) => {
      fs.symlinkSync(from, join(dir, to));
      return theirs.readlinkSync(join(dir, to));
    });
  }
  for (const name of ["text", "none"]) {
    compare(`chmodSync: ${name}`, (fs, dir) => {
      fs.chmodSync(join(dir, name), 0o1751);
      return kept(theirs.statSync(join(dir, name)));
    });
  }
  compare("what is passed on to Bun's own", (fs, dir) => {
    fs.copyFileSync(join(dir, "text"), join(dir, "copy"));
    fs.chownSync(join(dir, "copy"), process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    fs.rmSync(join(dir, "full"), { recursive: true });
    return [theirs.readdirSync(dir).sort(), fs.realpathSync(join(dir, "link")) === join(dir, "text"), fs.statfsSync("/proc").type];
  });
});

describe("node:path of the native programs", () => {
  const paths = [
    "",
    ".",
    "..",
    "/",
    "a",
    "/a",
    "a/",
    "/a/b/../c/./d//e",
    "../x",
    "a/../..",
    "//a",
    "/a.b",
    "a\\b",
    "a b",
    "/proc/self/fd/3",
  ];
  for (const name of ["basename", "dirname", "resolve", "join", "relative"] as const) {
    test(name, () => {
      for (const one of paths)
        for (const other of name === "basename" || name === "dirname" ? [""] : paths) {
          const call = (path: Record<string, unknown>) =>
            (path[name] as (...words: string[]) => string)(...(name === "basename" || name === "dirname" ? [one] : [one, other]));
          assert.equal(call(ourPath as Record<string, unknown>), call(theirPath as unknown as Record<string, unknown>), `${one}, ${other}`);
        }
    });
  }
});
