// A display that is redrawn every second, until a signal or its own end.

import { print } from "@contain-tools/explain";
import {
  exit,
  getpid,
  holdsTerminal,
  keyAttributes,
  kill,
  monotonic,
  POLLIN,
  read,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  type Source,
  takeAllSignals,
  waitForSignalOr,
  windowSize,
} from "@contain-tools/kernel";
import { makeRaw } from "@contain-tools/terminal";

const SECOND = 1000;
const HIDE = "\x1b[?25l\x1b[?7l"; // the cursor; and no wrapping, which would break the count of lines
const SHOW = "\x1b[?7h\x1b[?25h";

/**
 * Draws lines over the last ones on a terminal, one after the other elsewhere. Ends if there are none to draw (undefined), by q, or by a
 * signal, usually Ctrl-C.
 *
 * @param pressed gets other keys; then it is redrawn
 */
export function everySecond(draw: (live: boolean) => readonly string[] | undefined, pressed: (key: string) => void = () => {}): never {
  const live = windowSize(1) !== undefined;
  takeAllSignals();
  let drawn = 0;
  let keys = "";
  const hasKeys = live && holdsTerminal();
  const chunk = Buffer.alloc(64);
  let terminal = hasKeys ? makeRaw(0, keyAttributes) : undefined;
  const sources: Source[] = [
    {
      fd: 0,
      wants: () => POLLIN,
      ready: () => {
        const length = read(0, chunk);
        if (length === 0) sources.pop(); // the terminal has gone
        keys += chunk.toString("latin1", 0, length);
      },
    },
  ];
  if (!hasKeys) sources.pop();
  const leave = (status: number): never => {
    terminal?.restore();
    if (live) print(SHOW);
    return exit(status);
  };
  if (live) print(HIDE);
  for (let next = monotonic(); ; next = keys === "" ? Math.max(next + SECOND, monotonic()) : monotonic()) {
    for (const key of keys) if (key !== "q") pressed(key);
    keys = "";
    const lines = draw(live);
    if (lines === undefined) return leave(0);
    const height = windowSize(1)?.rows || Number.POSITIVE_INFINITY;
    const shown = live ? lines.slice(0, height - 1) : lines;
    if (live) print(`${drawn > 0 ? `\x1b[${drawn}A` : ""}${shown.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    else if (shown.length > 0) print(`${shown.join("\n")}\n`);
    drawn = shown.length;
    for (let left = next + SECOND - monotonic(); left > 0; left = next + SECOND - monotonic()) {
      const signal = waitForSignalOr(sources, left, () => keys !== "")?.signal;
      if (keys.includes("q")) return leave(0);
      if (keys !== "") break;
      if (signal === SIGINT) return leave(0);
      if (signal === SIGTERM || signal === SIGHUP || signal === SIGQUIT) return leave(128 + signal);
      if (signal === SIGTSTP) {
        terminal?.restore();
        if (live) print(SHOW);
        kill(getpid(), SIGSTOP);
        if (terminal !== undefined) terminal = makeRaw(0, keyAttributes);
        if (live) print(HIDE);
        drawn = 0; // the shell has written in between
      }
    }
  }
}
