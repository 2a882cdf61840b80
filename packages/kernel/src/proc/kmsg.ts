// The kernel's log, /dev/kmsg (Documentation/ABI/testing/dev-kmsg): one record a read(2), from a position of one's own.

import { codeOf } from "../ffi/errno.ts";
import { declare } from "../ffi/libc.ts";
import { close, O_NONBLOCK, O_RDONLY, open, read } from "../file/open.ts";
import { uninterrupted } from "../mount/file.ts";

/** What came into the log since it was opened. */
export interface KernelLog {
  /** One record each, the kernel's text alone: no control characters but the ends of its lines. */
  readonly records: readonly string[];
  /** The errno name of why it cannot be read. */
  readonly problem: string | undefined;
  /** Records were overwritten before they could be read. */
  readonly lost: boolean;
}

/** A log that is open from its end of then on. */
export interface KernelLogPosition {
  readonly fd: number;
  readonly problem: string | undefined;
}

const KMSG = "/dev/kmsg";
const SEEK_END = 2;
const lseekC = declare("lseek", "long");
const record = Buffer.allocUnsafeSlow(8192);

/** Opens the log at its end. Without CAP_SYSLOG that is EPERM where kernel.dmesg_restrict is 1 (proc_sys_kernel(5)). */
export function openKernelLog(): KernelLogPosition {
  try {
    const fd = open(KMSG, O_RDONLY | O_NONBLOCK);
    lseekC(fd, 0, SEEK_END);
    return { fd, problem: undefined };
  } catch (error) {
    return { fd: -1, problem: codeOf(error) ?? String(error) };
  }
}

/** Reads what came since, and closes the log. */
export function readKernelLog({ fd, problem }: KernelLogPosition): KernelLog {
  const records: string[] = [];
  if (fd === -1) return { records, problem, lost: false };
  let lost = false;
  try {
    for (;;) {
      try {
        const length = uninterrupted(() => read(fd, record));
        records.push(textOf(record.toString("utf8", 0, length)));
      } catch (error) {
        if (codeOf(error) === "EAGAIN") return { records, problem: undefined, lost };
        if (codeOf(error) !== "EPIPE") return { records, problem: codeOf(error) ?? String(error), lost };
        lost = true; // the next read is of the oldest record that is still there
      }
    }
  } finally {
    close(fd);
  }
}

/**
 * What the log still has from a time on.
 *
 * @param since microseconds of CLOCK_MONOTONIC; the kernel's own clock for its records may differ by a little, so ask for some more
 */
export function kernelLogSince(since: number): KernelLog {
  const records: string[] = [];
  let fd = -1;
  let lost: boolean | undefined;
  try {
    fd = open(KMSG, O_RDONLY | O_NONBLOCK);
    for (;;) {
      const raw = record.toString("utf8", 0, readRecord(fd));
      const [, number = "0", at = "0"] = raw.split(",", 3);
      lost ??= number !== "0" && Number(at) > since; // the first one that is still there is younger
      if (Number(at) >= since) records.push(textOf(raw));
    }
  } catch (error) {
    const code = codeOf(error);
    return { records, problem: code === "EAGAIN" ? undefined : (code ?? String(error)), lost: lost ?? false };
  } finally {
    if (fd !== -1) close(fd);
  }
}

/** EPIPE: the record was overwritten, and the next read is of the oldest one that is still there. */
function readRecord(fd: number): number {
  for (;;) {
    try {
      return uninterrupted(() => read(fd, record));
    } catch (error) {
      if (codeOf(error) !== "EPIPE") throw error;
    }
  }
}

/** `4,1234,567890,-;text`, then lines of keys that begin with a space. A byte that cannot be printed is \xNN. */
function textOf(raw: string): string {
  const line = raw.slice(raw.indexOf(";") + 1).split("\n", 1)[0] ?? "";
  return line.replaceAll("\\x0a", "\n");
}
