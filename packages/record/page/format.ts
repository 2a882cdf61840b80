// Figures and clock times, as the page shows them.
import type { Unit } from "../src/report/types.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const number = bytes / 1024 ** power;
  return `${Number.isInteger(number) ? number : number.toFixed(1)} ${UNITS[power]}`;
}

export const format = (unit: Unit, value: number): string =>
  unit === "bytes" ? formatBytes(value) : unit === "percent" ? `${Number(value.toFixed(1))} %` : `${value}`;

/** The time zone of the reader, in which clock times are. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `19:55:23.25`; @param step seconds between two of them, which decides how exact they are */
export function clock(milliseconds: number, step: number): string {
  const two = (number: number) => `${number}`.padStart(2, "0");
  const date = new Date(milliseconds);
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  if (step >= 86400) return day;
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= 3600) return `${day} ${minutes}`;
  if (step >= 60) return minutes;
  const seconds = `${minutes}:${two(date.getSeconds())}`;
  if (step >= 1) return seconds;
  return `${seconds}.${`${date.getMilliseconds()}`.padStart(3, "0").slice(0, step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3)}`;
}
