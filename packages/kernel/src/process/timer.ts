// Timers that poll(2) can wait for, and the time of day.

import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { read } from "../file/open.ts";

const CLOCK_MONOTONIC = 1;
const TFD_CLOEXEC = 0o2000000;
const TFD_NONBLOCK = 0o4000;
const timerfdCreateC = declare("timerfd_create");
const timerfdSettimeC = declare("timerfd_settime");

/** timerfd_create(2): a descriptor that becomes readable every `milliseconds`. */
export function timerfd(milliseconds: number): number {
  const fd = sys(
    "timerfd_create",
    () => ["CLOCK_MONOTONIC", "TFD_CLOEXEC|TFD_NONBLOCK"],
    timerfdCreateC(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
  );
  setTimer(fd, milliseconds);
  return fd;
}

/** timerfd_settime(2): sets the time to the first expiration, and between two, from now. */
export function setTimer(fd: number, milliseconds: number): void {
  const [seconds, nanoseconds] = [BigInt(Math.floor(milliseconds / 1000)), BigInt((milliseconds % 1000) * 1_000_000)];
  const time = new BigInt64Array([seconds, nanoseconds, seconds, nanoseconds]);
  sys(
    "timerfd_settime",
    () => [`${fd}`, "0", `{it_interval=${milliseconds}ms}`, "NULL"],
    timerfdSettimeC(fd, 0, new Uint8Array(time.buffer), null),
  );
}

const CLOCK_REALTIME = 0;
const clockGettimeC = declare("clock_gettime");
const time = new BigInt64Array(2);
const timeBytes = new Uint8Array(time.buffer);

/** clock_gettime(2) CLOCK_REALTIME: seconds since the epoch, and nanoseconds. It goes back when somebody sets the clock. */
export function timeOfDay(): readonly [seconds: number, nanoseconds: number] {
  clockGettimeC(CLOCK_REALTIME, timeBytes);
  return [Number(time[0]), Number(time[1])];
}

const ticks = new Uint8Array(8);

/** Takes the expirations that a timer has counted, so that it can be polled again. */
export function takeTicks(fd: number): void {
  read(fd, ticks);
}
