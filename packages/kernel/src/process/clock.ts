// The clock for every wait and every duration. The time of day is only for dates that are shown: it jumps, when set by hand or by NTP.
import { declare } from "../ffi/libc.ts";

const CLOCK_MONOTONIC = 1;
const time = new Int32Array(4); // struct timespec: two longs; the upper halves stay 0 for 68 years after boot
const bytes = new Uint8Array(time.buffer);
const clockGettimeC = declare("clock_gettime");

/** Whole milliseconds of CLOCK_MONOTONIC (clock_gettime(2)). Only differences mean something; setting the clock does not change them. */
export function monotonic(): number {
  clockGettimeC(CLOCK_MONOTONIC, bytes);
  return (time[0] ?? 0) * 1000 + Math.floor((time[2] ?? 0) / 1_000_000);
}
