// What the runtime changed before our first line ran, as the launcher noted it, so that the payload gets what its caller had.
// The launcher is packages/contain/src/launcher.sh; it passes `NOFILE:SIGBLK:SIGIGN:CLOSED:OPEN`.
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { readIfThere } from "./file.ts";
import { usesMusl } from "./libc.ts";
import { softLimit, statusField } from "./proc.ts";
import { hasSignal, parseSignalMask, removeSignal, SIGPIPE, SIGSYNCCALL, SIGXFSZ, type SignalSet, signalSet } from "./signal.ts";

export interface Launch {
  /** The soft RLIMIT_NOFILE: a count, "unlimited", or undefined where it is not known. Node raises it to the hard limit. */
  readonly softFileLimit: string | undefined;
  /** The blocked signals. Node unblocks them all. */
  readonly blocked: SignalSet;
  /** The ignored signals (nohup). Node puts them back to their default action. */
  readonly ignored: SignalSet;
  /** Those of descriptors 0, 1 and 2 that were closed. Node opens /dev/null there. */
  readonly closed: readonly number[];
  /** Those from 3 up that were open, when --preserve-fds asks for some. Undefined where there was no launcher to look. */
  readonly open: readonly number[] | undefined;
  /** Where the programs lie, to exec a next link by its file; undefined when not started by a launcher. */
  readonly bin: string | undefined;
  /** The caller's environment as bytes, `NAME=value`; undefined where the launcher could not tell. */
  readonly environment: readonly Buffer[] | undefined;
}

/** What to assume where there was no launcher. */
export const NO_LAUNCHER: Launch = {
  softFileLimit: undefined,
  blocked: signalSet(),
  ignored: signalSet(),
  closed: [],
  open: undefined,
  bin: undefined,
  environment: undefined,
};

/** The words that the launcher puts before the user's. An empty field means that it could not tell (no /proc), or that there was none. */
export function parseLaunch(bin: string, noted: string): Launch {
  const [limit = "", blocked = "", ignored = "", closed = "", open = ""] = noted.split(":");
  return {
    softFileLimit: limit || undefined,
    blocked: blocked ? parseSignalMask(blocked) : signalSet(),
    ignored: ignored ? parseSignalMask(ignored) : signalSet(),
    closed: [...closed].map(Number),
    open: open.split(" ").filter(Boolean).map(Number),
    bin: bin || undefined,
    environment: takeEnvironment(),
  };
}

/**
 * The same for the native build, which has no launcher. Bun keeps environment, blocked and ignored signals. It raises the file limit,
 * and what our parent has is the nearest to what we had; it ignores SIGPIPE and SIGXFSZ, and hides whether our caller did.
 */
export function nativeLaunch(): Launch {
  const status = readIfThere("/proc/self/status") ?? "";
  const mask = (field: string) => parseSignalMask(statusField(status, field) ?? "0");
  const ignored = mask("SigIgn");
  for (const signal of [SIGPIPE, SIGXFSZ]) removeSignal(ignored, signal);
  if (hasSignal(ignored, SIGSYNCCALL) && usesMusl()) removeSignal(ignored, SIGSYNCCALL);
  const limits = readIfThere(`/proc/${statusField(status, "PPid")}/limits`) ?? "";
  return {
    softFileLimit: softLimit(limits, "Max open files"),
    blocked: mask("SigBlk"),
    ignored,
    closed: [],
    open: undefined,
    bin: dirname(process.execPath),
    environment: existsSync("/proc/self/environ") ? rawWords("environ") : undefined,
  };
}

/** The environment as the launcher noted it, in as many parts as it needed. */
function takeEnvironment(): Buffer[] | undefined {
  let text = "";
  for (let part = 0; ; part++) {
    const name = `CONTAIN_ENVIRON_${part}`;
    const more = process.env[name];
    if (more === undefined) return part === 0 ? undefined : cStrings(Buffer.from(text, "base64"));
    text += more;
    delete process.env[name];
  }
}

/** The NUL-terminated words of /proc/self/cmdline or /proc/self/environ, as bytes: argv need not be UTF-8. */
export function rawWords(file: "cmdline" | "environ"): Buffer[] {
  return cStrings(readFileSync(`/proc/self/${file}`));
}

function cStrings(bytes: Buffer): Buffer[] {
  const words: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0, from);
    const to = end === -1 ? bytes.length : end;
    words.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return words;
}
