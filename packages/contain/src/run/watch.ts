// A display that is drawn again every second, until a signal or its own end.

import { print } from "@contain-tools/explain";
import {
  ALL_SIGNALS,
  exit,
  getpid,
  kill,
  monotonic,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  takeAllSignals,
  waitForSignal,
  windowSize,
} from "@contain-tools/kernel";

const SECOND = 1000;
const HIDE = "\x1b[?25l\x1b[?7l"; // the cursor; and no wrapping, which would break the count of lines
const SHOW = "\x1b[?7h\x1b[?25h";

/** Draws lines over the last ones on a terminal, and one after the other elsewhere. Ends when there are none to draw (undefined), or by a signal; Ctrl-C is the usual one. */
export function everySecond(draw: (live: boolean) => readonly string[] | undefined): never {
  const live = windowSize(1) !== undefined;
  takeAllSignals();
  let drawn = 0;
  const leave = (status: number): never => {
    if (live) print(SHOW);
    return exit(status);
  };
  if (live) print(HIDE);
  for (let next = monotonic(); ; next = Math.max(next + SECOND, monotonic())) {
    const lines = draw(live);
    if (lines === undefined) return leave(0);
    const height = windowSize(1)?.rows || Number.POSITIVE_INFINITY;
    const shown = live ? lines.slice(0, height - 1) : lines;
    if (live) print(`${drawn > 0 ? `\x1b[${drawn}A` : ""}${shown.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    else if (shown.length > 0) print(`${shown.join("\n")}\n`);
    drawn = shown.length;
    for (let left = next + SECOND - monotonic(); left > 0; left = next + SECOND - monotonic()) {
      const signal = waitForSignal(ALL_SIGNALS, left)?.signal;
      if (signal === SIGINT) return leave(0);
      if (signal === SIGTERM || signal === SIGHUP || signal === SIGQUIT) return leave(128 + signal);
      if (signal === SIGTSTP) {
        if (live) print(SHOW);
        kill(getpid(), SIGSTOP);
        if (live) print(HIDE);
        drawn = 0; // the shell has written in between
      }
    }
  }
}
