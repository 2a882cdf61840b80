// The last execve of a program in another root, made by a process that is no longer a file of the host (CVE-2019-5736).
//
// What execve(2) resolves, the interpreter included, may be exchanged for /proc/self/exe after any check. While this runtime makes the
// call, that link leads to the runtime: the container's own dynamic loader would be handed a file of the host. So the runtime first
// becomes a memfd that holds a program of one page, and this one makes the call: its /proc/self/exe is the memfd, and there is nothing
// to win.
import {
  type CStrings,
  declare,
  declareSyscall,
  duplicate,
  failedWith,
  getLimit,
  quote,
  SYS,
  setLimit,
  stringArray,
  sys,
  ToolError,
  type Words,
  write,
} from "@contain-tools/kernel";
import type { Context } from "./context.ts";

/** What `as` makes of trampoline/x64.S and trampoline/arm64.S; tests/chain/trampoline.test.ts compares them. */
export const TRAMPOLINE_CODE: Readonly<Record<string, string>> = {
  x64:
    "uwAEUABIjWwkCEiLRQBIixNIOxAPhcYAAABIiwQkTI1kxBCLewi+AgAAALoBAAAAuEgAAAAPBUiLfQhIjXUQTIniuDsAAAAPBffYO0MMdSFIi00ISIlN" +
    "EEiLexBIiX0ISI11CEyJ4rg7AAAADwWLQwxMjXsoQYsXhdJ0CjnCdAZJg8c46+9Ni28oTYt3ML4CAAAAuQoAAAAx0vfxgMIwQYhUNQBBiBQ2/8557It7" +
    "CEmLdxhJi1cguAEAAAAPBUmLdwhJi1cQRYtnBL8CAAAAuAEAAAAPBUSJ57jnAAAADwVIi3MYSItTIEG8fgAAAOva",
  arm64:
    "Ewqg0hOAgPL0IwCRgAJA+QAAQPlhAkD5HwAB6+EGAFTgA0D5lQ4Ai7UiAJFgCkC5QQCA0iIAgNIoA4DSAQAA1IAGQPmBQgCR4gMVqqgbgNIBAADU9gMA" +
    "S2AOQLnfAgBrAQEAVIAGQPmACgD5YApA+YAGAPmBIgCR4gMVqgEAANR3ogCR4AJAuaAAADQfABZrYAAAVPfiAJH7//8X45JCqUUAgNJGAYBSxwrGGunY" +
    "BhspwQARaWglOIloJTj2AwcqpQQA8SX//1RgCkC54YpBqQgIgNIBAADU4YpAqfgGQLlAAIDSCAiA0gEAANTgAxiqyAuA0gEAANRhikGp2A+A0vj//xc=",
};

/** argv[0] of the trampoline, which it searches for: eight bytes that are no program's name. */
const MARK = "contain>";
const ASTRAY = "contain: the program leads through a link of /proc, and out of the container (CVE-2019-5736): not executed\n";
const SHELL = "/bin/sh\0";
/** The place of the errno in a text: three digits, which the trampoline fills in. */
export const ERRNO_WORDS = "errno 000 of execve(2)";
const ERRNO_DIGITS = ERRNO_WORDS.indexOf("000");
const ENOEXEC = 8;

// The file, as elf(5) names its parts: a header, three program headers, the code; the data from 0x400 on, as the code knows.
const [CODE, DATA, TABLE, ENTRY] = [64 + 3 * 56, 0x400, 40, 56];
const [TEXT_SEGMENT, DATA_SEGMENT] = [0x400000n, 0x500000n]; // the same file twice, to be executed and to be written to
const UNUSED = Number(DATA_SEGMENT) + 0x300; // for digits that are not needed

const [MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_EXEC] = [1, 2, 16];
const F_ADD_SEALS = 1033;
const SEALS = 15; // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE
const AT_EMPTY_PATH = 0x1000;

const memfdC = declare("memfd_create");
const fcntlC = declare("fcntl");
const execveatC = declareSyscall(SYS.execveat);

/** The message if the kernel refuses the program after all. */
export interface Refusal {
  /** 0, in the last one, stands for all others. */
  readonly errno: number;
  readonly status: number;
  /** For standard error; ERRNO_WORDS in it are replaced by the digits. */
  readonly text: string;
  /** For the failure pipe, likewise. */
  readonly word: string;
}

interface Trampoline {
  readonly fd: number;
  /** A copy of the failure pipe, which has to stay open across the first execve; -1 for none. */
  readonly pipe: number;
}

/**
 * Makes the trampoline. Called before the program's limits and filter are set: they may forbid it.
 *
 * @param shell a file in a format that the kernel does not know (ENOEXEC) is given to /bin/sh, as execvp(3) does
 * @throws ToolError if vm.memfd_noexec is 2; SyscallError EMFILE, ENOMEM
 */
export function makeTrampoline({ failurePipe, preserveFds }: Context, refusals: readonly Refusal[], shell: boolean): Trampoline {
  const pipe = failurePipe === undefined ? -1 : duplicate(failurePipe, 3 + preserveFds);
  const fd = createMemfd();
  writeImage(fd, trampolineImage(refusals, pipe, shell));
  sys("fcntl", () => [`${fd}`, "F_ADD_SEALS", "F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE"], fcntlC(fd, F_ADD_SEALS, SEALS));
  return { fd, pipe };
}

/** RLIMIT_FSIZE, which the caller may have set for the program, applies to a memfd too. */
function writeImage(fd: number, bytes: Buffer): void {
  const limit = getLimit("fsize");
  const soft = BigInt(bytes.length);
  if (limit.soft >= soft) return void write(fd, bytes);
  if (limit.hard < soft)
    throw new ToolError(
      `the hard limit on the size of files is ${limit.hard} bytes, and a start in another root needs ${soft}`,
      "ulimit -Hf",
    );
  setLimit({ ...limit, soft });
  write(fd, bytes);
  setLimit(limit);
}

/** memfd_create(2). Linux before 6.3 does not know MFD_EXEC; there every memfd can be executed. */
function createMemfd(): number {
  const create = (flags: number, names: string) =>
    sys(
      "memfd_create",
      () => [quote("contain"), `MFD_CLOEXEC|MFD_ALLOW_SEALING${names}`],
      memfdC("contain", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags),
    );
  try {
    return create(MFD_EXEC, "|MFD_EXEC");
  } catch (error) {
    if (failedWith(error, "EINVAL")) return create(0, "");
    if (!failedWith(error, "EACCES")) throw error;
    const hint = "a program in another root is started from memory, out of reach of the host's files; sysctl vm.memfd_noexec=1 allows that";
    throw new ToolError("the sysctl vm.memfd_noexec forbids executing files in memory: EACCES", hint, 125, { cause: error });
  }
}

/** argv of the trampoline, for execve(path, words, …). */
export const trampolineWords = (path: string, words: Words): Words => [MARK, path, ...words];

/** execveat(2) of the trampoline, prepared so that the call itself allocates nothing. */
export function trampolineCall({ fd }: Trampoline, words: CStrings, env: CStrings): () => number {
  const { text: noPath } = stringArray([""]);
  execveatC(-1, noPath, null, null, 0); // ENOENT; the first call of a function allocates what later ones need
  return () => execveatC(fd, noPath, words.pointers, env.pointers, AT_EMPTY_PATH);
}

/** The trampoline's file, for this machine or another: headers, code, data, table, and the texts of the table. */
export function trampolineImage(refusals: readonly Refusal[], pipe: number, shell: boolean, arch: string = process.arch): Buffer {
  const texts = DATA + TABLE + ENTRY * refusals.length;
  let size = texts + SHELL.length + ASTRAY.length;
  for (const { text, word } of refusals) size += Buffer.byteLength(text) + Buffer.byteLength(word);
  const file = Buffer.allocUnsafeSlow(size).fill(0);
  file.set(elfHead(BigInt(size), arch));
  file.write(TRAMPOLINE_CODE[arch] ?? "", CODE, "base64");
  file.write(MARK, DATA, "latin1");
  file.writeInt32LE(pipe, DATA + 8);
  file.writeInt32LE(shell ? ENOEXEC : 0, DATA + 12);
  const base = Number(DATA_SEGMENT);
  const digitsAt = (text: string, at: number) => {
    const place = text.indexOf(ERRNO_WORDS);
    return place === -1 ? UNUSED : base + at + Buffer.byteLength(text.slice(0, place)) + ERRNO_DIGITS;
  };
  let to = DATA + 16;
  const put = (number: number) => {
    to = file.writeUInt32LE(number, to);
    to = file.writeUInt32LE(0, to); // no address or length is above 4 GiB
  };
  let at = texts;
  put(base + at);
  at += file.write(SHELL, at);
  put(base + at);
  put(ASTRAY.length);
  at += file.write(ASTRAY, at);
  for (const { errno, status, text, word } of refusals) {
    to = file.writeUInt32LE(status, file.writeUInt32LE(errno, to));
    const textAt = at;
    at += file.write(text, at);
    const wordAt = at;
    at += file.write(word, at);
    put(base + textAt);
    put(wordAt - textAt);
    put(base + wordAt);
    put(at - wordAt);
    put(digitsAt(text, textAt));
    put(digitsAt(word, wordAt));
  }
  return file;
}

/** ELF header and program headers: the file to read and execute, the file to read and write, a stack that is not executable. */
function elfHead(size: bigint, arch: string): Uint8Array {
  const [LOAD, GNU_STACK, X, W, R] = [1, 0x6474e551, 1, 2, 4];
  const machine = arch === "arm64" ? 183 : 62; // EM_AARCH64, EM_X86_64
  const head = new BigUint64Array(CODE / 8);
  const half = (low: number, high: number) => BigInt(low) | (BigInt(high) << 32n);
  head.set([half(0x464c457f, 0x010102), 0n, half(2 | (machine << 16), 1), TEXT_SEGMENT + BigInt(CODE), 64n, 0n]);
  head.set([half(0, 64 | (56 << 16)), BigInt(3)], 6);
  head.set([half(LOAD, R | X), 0n, TEXT_SEGMENT, TEXT_SEGMENT, size, size, 0x10000n], 8);
  head.set([half(LOAD, R | W), 0n, DATA_SEGMENT, DATA_SEGMENT, size, size, 0x10000n], 15);
  head.set([half(GNU_STACK, R | W), 0n, 0n, 0n, 0n, 0n, 0x10n], 22);
  return new Uint8Array(head.buffer);
}
