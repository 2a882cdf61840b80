// Moments on the command line: `10m` ago, or a date and time.
import { parseTime, UsageError } from "@contain-tools/kernel";
import { formatTime } from "./format.ts";

const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/;

/** A date and time, local without a zone, or a duration before now, in the log's format. @throws UsageError */
export function readMoment(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const date = DATE.exec(text);
  if (date === null && /^\d{4}-/.test(text)) throw notATime(option, text);
  if (date === null) return fromMilliseconds(Math.max(0, Date.now() - parseTime(option, text)));
  const [, day, time = "00:00", fraction = "", zone = ""] = date;
  const milliseconds = Date.parse(`${day}T${time}${zone}`);
  if (Number.isNaN(milliseconds)) throw notATime(option, text);
  return formatTime(milliseconds / 1000, Number(fraction.padEnd(9, "0")));
}

const notATime = (option: string, text: string) =>
  new UsageError(`${option}: ${JSON.stringify(text)} is not a time`, "10m for ten minutes ago, or 2026-11-30T10:00:42Z");

const fromMilliseconds = (time: number) => formatTime(Math.floor(time / 1000), (time % 1000) * 1_000_000);
