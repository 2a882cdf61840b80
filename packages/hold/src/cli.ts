// Words to plan: the FIFO to wait at. It is opened now, while paths are the caller's: earlier links may change the root.
import {
  type Chain,
  type Hooks,
  type Next,
  type OptionSpec,
  type Options,
  type Program,
  programOf,
  readHooks,
  someLink,
  withCommon,
} from "@contain-tools/chain";
import { type Areas, close, codeOf, fstat, O_NONBLOCK, O_RDONLY, open, readAreas, stat, UsageError } from "@contain-tools/kernel";

export const options = withCommon({
  hook: {
    type: "string",
    valueHint: "startContainer=FILE",
    description: "after the wait, run the hooks in this JSON file, inside; it is what contain-oci passes on (OCI runtime-spec)",
  },
});
type Name = keyof typeof options;

/** The kind of hooks that belong here. */
export const HOOK = "startContainer";

export interface Plan {
  /** As it was given, for messages. */
  readonly path: string;
  /** The FIFO, open for reading. */
  readonly fifo: number;
  /** The program at the end of the chain, looked up before the wait; undefined if a later link has another root. */
  readonly program: Program | undefined;
  /** Run after the wait. */
  readonly hooks: Hooks | undefined;
  /** The memory that /proc/PID/cmdline and environ show. */
  readonly areas: Areas | undefined;
  /** What /proc/PID/cmdline shows during the wait. */
  readonly title: string;
  readonly next: Next;
}

/** Reads hold's words and opens the FIFO. @throws UsageError */
export function readPlan(before: Options<Name>, chain: Chain): Plan {
  const [path, ...words] = before.rest;
  if (path === undefined) throw new UsageError("missing FIFO", "hold FIFO [--] PROG [ARG…]");
  const { rest, value } = chain.more(options as Readonly<Record<Name, OptionSpec>>, words);
  const hook = value("hook") ?? before.value("hook");
  if (rest.length === 0) throw new UsageError("missing program", "hold FIFO [--] PROG [ARG…]");
  const next = chain.next(rest);
  return {
    path,
    fifo: openFifo(path),
    program: someLink(next, ({ plan }) => plan.entersRoot === true) ? undefined : programOf(next),
    hooks: hook === undefined ? undefined : readHooks(chain.context, hook, HOOK),
    areas: readAreas(),
    title: ["hold", "--", ...rest].join("\0"),
    next,
  };
}

/** O_NONBLOCK: opening does not wait for a writer (fifo(7)). @throws UsageError */
function openFifo(path: string): number {
  const notFifo = () => new UsageError(`FIFO ${path}: not a FIFO`, "mkfifo(1) makes one");
  try {
    if (!stat(path).isFIFO()) throw notFifo(); // opening a device may have an effect
    const fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fstat(fd).isFIFO()) return fd;
    close(fd);
    throw notFifo();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = codeOf(error) ?? "";
    throw new UsageError(`FIFO ${path}: cannot be opened: ${code}`, code === "ENOENT" ? `\`mkfifo ${path}\` makes it` : undefined);
  }
}
