// The clock for every wait and every duration. The time of day is for what is shown as a date: it steps, by hand or by NTP.
import { declare } from "../ffi/libc.ts";

const CLOCK_MONOTONIC = 1;
const time = new Int32Array(4); // struct timespec: two longs, and what is in the upper halves is 0 for 68 years after boot
const bytes = new Uint8Array(time.buffer);
const clockGettimeC = declare("clock_gettime");

/** Whole milliseconds of CLOCK_MONOTONIC (clock_gettime(2)). Only differences mean something; no step of the clock changes them. */
export function monotonic(): number {
  clockGettimeC(CLOCK_MONOTONIC, bytes);
  return (time[0] ?? 0) * 1000 + Math.floor((time[2] ?? 0) / 1_000_000);
}
