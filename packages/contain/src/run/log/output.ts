// The output of a detached container: pipes that the supervisor reads, so that nothing inside can truncate the log, and a slow disk
// slows the program down.
import {
  close,
  POLLIN,
  parseLimit,
  pipe,
  pollOnce,
  readNow,
  type Source,
  setNonBlocking,
  sharePipes,
  UsageError,
} from "@contain-tools/kernel";
import { makeLogFile } from "./file.ts";
import { encoder, type Stream } from "./format.ts";

const LEAST = 64 << 10; // bytes
const DEFAULT = 64 << 20;
const CHUNK = 8 << 10; // bytes of a read
const TURNS = 8; // reads before others are served: the capacity of a pipe (pipe(7))
const LEFT = 1 << 20; // the largest capacity that a pipe is given (/proc/sys/fs/pipe-max-size)

/** --log-size in bytes; undefined for no bound. @throws UsageError */
export function readLogSize(text: string | undefined, detach: boolean): number | undefined {
  if (text !== undefined && !detach)
    throw new UsageError("--log-size needs --detach", "without it the output goes to the caller, and there is no log");
  if (text === undefined) return DEFAULT;
  const limit = parseLimit("--log-size", text);
  if (limit === "max") return undefined;
  if (Number(limit) < LEAST) throw new UsageError(`--log-size ${text}: less than 64K`);
  return Number(limit);
}

interface LoggedOutput {
  /** Where the program writes, in the order of the streams. */
  readonly ends: readonly number[];
  /** Poll these while it runs. */
  readonly sources: readonly Source[];
  /** Closes the program's ends. */
  readonly handOver: () => void;
  /** Reads what is left in the pipes, without waiting for writers outside the container. */
  readonly end: () => void;
}

/**
 * Makes the log and the pipes. @param continued the log of an earlier life exists @throws SyscallError; the container has not been started
 */
export function logOutput(folder: string, bound: number | undefined, streams: readonly Stream[], continued: boolean): LoggedOutput {
  const file = makeLogFile(folder, bound, continued);
  const encode = encoder(CHUNK);
  const chunk = Buffer.allocUnsafeSlow(CHUNK);
  const open = (stream: Stream) => {
    const { read, write } = pipe();
    let ended = false;
    setNonBlocking(read); // a process inside can open the pipe too, and read its contents between our poll(2) and read(2)
    const take = () => {
      const length = readNow(read, chunk);
      if (length !== undefined && length > 0) file.write(encode(stream, chunk.subarray(0, length)));
      else if (length === 0) ended = true;
      return length ?? 0;
    };
    const ready = () => {
      for (let turns = TURNS; turns > 0 && take() === chunk.length && pollOnce(read, POLLIN, 0); ) turns--;
    };
    const source: Source = { fd: read, wants: () => (ended ? undefined : POLLIN), ready };
    const rest = () => {
      for (let left = LEFT; left > 0 && !ended && pollOnce(read, POLLIN, 0); ) left -= Math.max(1, take());
      close(read);
    };
    return { write, source, rest };
  };
  const pipes = streams.map(open);
  sharePipes(pipes.map(({ write }) => write));
  return {
    ends: pipes.map(({ write }) => write),
    sources: pipes.map(({ source }) => source),
    handOver: () => {
      for (const { write } of pipes) close(write);
    },
    end: () => {
      for (const { rest } of pipes) rest();
    },
  };
}
