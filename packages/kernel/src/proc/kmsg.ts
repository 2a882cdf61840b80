// The kernel log, /dev/kmsg (Documentation/ABI/testing/dev-kmsg): one record per read(2); each descriptor has its own position.

import { codeOf } from "../ffi/errno.ts";
import { declare } from "../ffi/libc.ts";
import { close, O_NONBLOCK, O_RDONLY, open, read } from "../file/open.ts";
import { uninterrupted } from "../mount/file.ts";

/** The records since the log was opened. */
export interface KernelLog {
  /** The kernel's text of each record, with no control characters except line ends. */
  readonly records: readonly string[];
  /** The errno name if it cannot be read. */
  readonly problem: string | undefined;
  /** Records were overwritten before they could be read. */
  readonly lost: boolean;
}

/** A log opened at what was then its end. */
export interface KernelLogPosition {
  readonly fd: number;
  readonly problem: string | undefined;
}

const KMSG = "/dev/kmsg";
const NOT_A_LOG = "it is another file, not the kernel's log"; // at its end the log says EAGAIN
const SEEK_END = 2;
const lseekC = declare("lseek", "long");
const record = Buffer.allocUnsafeSlow(8192);

/** Opens the log at its end. EPERM without CAP_SYSLOG if kernel.dmesg_restrict is 1 (proc_sys_kernel(5)). */
export function openKernelLog(): KernelLogPosition {
  try {
    const fd = open(KMSG, O_RDONLY | O_NONBLOCK);
    lseekC(fd, 0, SEEK_END);
    return { fd, problem: undefined };
  } catch (error) {
    return { fd: -1, problem: codeOf(error) ?? String(error) };
  }
}

/** Reads the records since then, and closes the log. */
export function readKernelLog({ fd, problem }: KernelLogPosition): KernelLog {
  const records: string[] = [];
  if (fd === -1) return { records, problem, lost: false };
  let lost = false;
  try {
    for (;;) {
      try {
        const length = uninterrupted(() => read(fd, record));
        if (length === 0) return { records, problem: NOT_A_LOG, lost };
        records.push(textOf(record.toString("utf8", 0, length)));
      } catch (error) {
        if (codeOf(error) === "EAGAIN") return { records, problem: undefined, lost };
        if (codeOf(error) !== "EPIPE") return { records, problem: codeOf(error) ?? String(error), lost };
        lost = true; // the next read returns the oldest record that is left
      }
    }
  } finally {
    close(fd);
  }
}

/**
 * The records from a time on that the log still has.
 *
 * @param since microseconds of CLOCK_MONOTONIC; the log's own clock may differ a little, so ask for some more
 */
export function kernelLogSince(since: number): KernelLog {
  const records: string[] = [];
  let fd = -1;
  let lost: boolean | undefined;
  try {
    fd = open(KMSG, O_RDONLY | O_NONBLOCK);
    for (;;) {
      const length = readRecord(fd);
      if (length === 0) return { records, problem: NOT_A_LOG, lost: false };
      const raw = record.toString("utf8", 0, length);
      const [, number = "0", at = "0"] = raw.split(",", 3);
      lost ??= number !== "0" && Number(at) > since; // the oldest record left is younger
      if (Number(at) >= since) records.push(textOf(raw));
    }
  } catch (error) {
    const code = codeOf(error);
    return { records, problem: code === "EAGAIN" ? undefined : (code ?? String(error)), lost: lost ?? false };
  } finally {
    if (fd !== -1) close(fd);
  }
}

/** EPIPE: the record was overwritten, and the next read returns the oldest that is left. */
function readRecord(fd: number): number {
  for (;;) {
    try {
      return uninterrupted(() => read(fd, record));
    } catch (error) {
      if (codeOf(error) !== "EPIPE") throw error;
    }
  }
}

/** `4,1234,567890,-;text`, then lines with keys that begin with a space. A byte that cannot be printed is \xNN. */
function textOf(raw: string): string {
  const line = raw.slice(raw.indexOf(";") + 1).split("\n", 1)[0] ?? "";
  return line.replaceAll("\\x0a", "\n");
}
