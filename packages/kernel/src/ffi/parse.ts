// Values that several tools take: sizes, times, numbers. Each parser throws a UsageError that names the option and shows the form.
import { UsageError } from "./errno.ts";

const UNITS: Readonly<Record<string, bigint>> = { "": 1n, K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n };

/** A size in bytes: `64M`, `1.5G`, `67108864`. K, M, G and T are powers of 1024, as in docker and the kernel's own files. */
export function parseSize(option: string, text: string): bigint {
  const match = /^(\d+)(?:\.(\d+))?([KMGT]?)(?:i?B)?$/i.exec(text);
  const unit = match && UNITS[(match[3] ?? "").toUpperCase()];
  if (!match || unit === undefined || unit === null || (match[2] !== undefined && unit === 1n)) {
    throw new UsageError(
      `${option}: ${JSON.stringify(text)} is not a size`,
      "a number of bytes, or one with K, M, G or T (powers of 1024): 64M, 1.5G, 67108864",
    );
  }
  const fraction = match[2] ?? "";
  const bytes = (BigInt((match[1] ?? "") + fraction) * unit) / 10n ** BigInt(fraction.length);
  if (bytes > 0x7fff_ffff_ffff_ffffn) throw new UsageError(`${option}: ${JSON.stringify(text)} is more than a 64-bit kernel can count`);
  return bytes;
}

/** A size in bytes, or `max` to lift the limit, as the cgroup file takes it. */
export function parseLimit(option: string, text: string): string {
  return text === "max" ? "max" : parseSize(option, text).toString();
}

/** A whole number in a range. */
export function parseCount(option: string, text: string, least: number, most: number): number {
  const number = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new UsageError(`${option}: ${JSON.stringify(text)} is not a whole number from ${least} to ${most}`);
  }
  return number;
}

/** A time in milliseconds: `10s`, `1m30s`, `500ms`, a plain number of seconds. */
export function parseTime(option: string, text: string): number {
  const match = /^(?=.)(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/.exec(/^[\d.]+$/.test(text) ? `${text}s` : text);
  if (!match) throw new UsageError(`${option}: ${JSON.stringify(text)} is not a time`, "10s, 1m30s, 500ms, or a number of seconds");
  const [, hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = match;
  return Math.round(((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(milliseconds));
}
