// What the runtime changed before our first line ran, as the launcher noted it, so that the program gets what its caller had.
// The launcher is packages/build/src/launcher; it passes `NAME:NOFILE:RAISED:SIGBLK:SIGIGN:CLOSED:OPEN:PLACE:BIN` as CONTAIN_LAUNCH.
import type { Resource } from "@contain-tools/kernel";
import {
  addSignal,
  hasSignal,
  parseSignalMask,
  readBytes,
  readIfThere,
  removeSignal,
  SIGSYNCCALL,
  type SignalSet,
  signalSet,
  statusField,
  usesMusl,
} from "@contain-tools/kernel";

export interface Launch {
  /** The soft RLIMIT_NOFILE: a count, "unlimited", or undefined if not known. The runtime raises it to the hard limit. */
  readonly softFileLimit: string | undefined;
  /** Soft limits that the launcher raised because the runtime does not start within them; in bytes. */
  readonly raised: readonly { readonly resource: Resource; readonly soft: bigint }[];
  /** The blocked signals. Node unblocks them all, Bun some. */
  readonly blocked: SignalSet;
  /** The ignored signals (nohup). The runtime resets them to their default action. */
  readonly ignored: SignalSet;
  /** The closed ones among descriptors 0, 1 and 2. The runtime opens /dev/null there. */
  readonly closed: readonly number[];
  /** The open ones from 3 up, if --preserve-fds asks for some. Undefined without a launcher. */
  readonly open: readonly number[] | undefined;
  /** A descriptor of the working directory, if that was removed: the runtime was started in another one. */
  readonly place: number | undefined;
  /** Where the programs are, to exec a next link; undefined without a launcher. */
  readonly bin: string | undefined;
  /** The caller's environment: `NAME=value`, each with a NUL after it. Undefined without a launcher. */
  readonly environment: Buffer | undefined;
}

/** Defaults without a launcher. */
export const NO_LAUNCHER: Launch = {
  softFileLimit: undefined,
  raised: [],
  blocked: signalSet(),
  ignored: signalSet(),
  closed: [],
  open: undefined,
  place: undefined,
  bin: undefined,
  environment: undefined,
};

/** A launch, and the name of its program. */
export interface Start {
  readonly name: string;
  readonly launch: Launch;
}

/** What the launcher has noted; undefined without one. An empty field means that there is nothing to restore. */
export function readLaunch(): Start | undefined {
  const bytes = readBytes("/proc/self/environ");
  const noted = valueIn(bytes.toString(), "CONTAIN_LAUNCH");
  if (noted === undefined) return undefined;
  const [name = "", limit, raised = "", blocked = "", ignored = "", closed = "", open = "", place, ...bin] = noted.split(":");
  const status = readIfThere("/proc/self/status") ?? "";
  const launch = {
    softFileLimit: limit || undefined,
    raised: raised === "" ? [] : raised.trim().split(" ").map(raisedLimit),
    blocked: signals(blocked, status, "SigBlk"),
    ignored: signals(ignored, status, "SigIgn"),
    closed: closed === "" ? [] : [...closed].map(Number),
    open: open === "" ? [] : open.trim().split(" ").map(Number),
    place: place ? Number(place) : undefined,
    bin: bin.join(":"),
    environment: callersBlock(bytes.toString("latin1")),
  };
  if (hasSignal(launch.ignored, SIGSYNCCALL) && usesMusl()) removeSignal(launch.ignored, SIGSYNCCALL);
  return { name, launch };
}

/** The value of a variable in a block of `NAME=value`, each with a NUL after it. */
function valueIn(block: string, name: string): string | undefined {
  const start = block.startsWith(`${name}=`) ? 0 : block.indexOf(`\0${name}=`) + 1;
  if (start === 0 && !block.startsWith(`${name}=`)) return undefined;
  return block.slice(start + name.length + 1, block.indexOf("\0", start));
}

/** The caller's environment as the launcher noted it, in as many parts as needed; otherwise ours without the launcher's variables. */
function callersBlock(block: string): Buffer {
  let text = "";
  for (let part = 0, more = valueIn(block, "CONTAIN_ENVIRON_0"); more !== undefined; more = valueIn(block, `CONTAIN_ENVIRON_${++part}`))
    text += more;
  if (valueIn(block, "CONTAIN_ENVIRON_0") !== undefined) return Buffer.from(text, "base64");
  let own = "";
  for (const variable of block.split("\0"))
    if (!variable.startsWith("CONTAIN_LAUNCH=") && !variable.startsWith("BUN_JSC_")) own += `${variable}\0`;
  const bytes = Buffer.allocUnsafeSlow(own.length); // the first call of Buffer.from takes a tenth of a millisecond
  bytes.write(own, "latin1");
  return bytes;
}

/**
 * The launcher's mask: hexadecimal for all signals, decimal for 1 to 31. A decimal mask lacks the higher ones, but then no runtime changes
 * those, and ours are the caller's.
 */
function signals(mask: string, status: string, field: string): SignalSet {
  const set = parseSignalMask(BigInt(mask || 0).toString(16));
  if (mask.startsWith("0x")) return set;
  const now = parseSignalMask(statusField(status, field) ?? "0");
  set.set(now.subarray(4), 4);
  if (hasSignal(now, 32)) addSignal(set, 32);
  return set;
}

const BY_LETTER: Readonly<Record<string, Resource>> = { v: "as", d: "data", s: "stack" };

/** `d4096`, a letter of ulimit and KiB. */
function raisedLimit(text: string): { resource: Resource; soft: bigint } {
  return { resource: BY_LETTER[text[0] ?? ""] ?? "as", soft: BigInt(text.slice(1)) << 10n };
}

/** The NUL-terminated words of /proc/self/cmdline as bytes: argv need not be UTF-8. */
export const commandLine = (): Buffer[] => cStrings(readBytes("/proc/self/cmdline"));

/** NUL-terminated words. */
export function cStrings(bytes: Buffer): Buffer[] {
  const words: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0, from);
    const to = end === -1 ? bytes.length : end;
    words.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return words;
}
