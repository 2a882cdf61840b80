// `contain logs`: what a detached container has written.
import { existsSync } from "node:fs";
import { type Options, withCommon } from "@contain-tools/chain";
import { exit, POLLIN, PollSet, SIGPIPE, UsageError } from "@contain-tools/kernel";
import { folderOf, type State, supervisorEnd } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import type { Stream } from "../run/log/format.ts";
import { readMoment } from "../run/log/moment.ts";
import { printer, type Selection, selects } from "../run/log/print.ts";
import { onGrowth, readLog } from "../run/log/read.ts";
import { readContainer } from "./container.ts";
import { checkDetached } from "./wait.ts";

const logsOptions = withCommon({
  follow: { type: "boolean", alias: "f", description: "go on until the container has ended" },
  tail: { type: "string", alias: "n", valueHint: "N", description: "begin with the last N lines (all)" },
  since: {
    type: "string",
    valueHint: "TIME",
    description: "what was written from then on: 10m for ten minutes ago, or 2026-11-30T10:00:42Z",
  },
  until: { type: "string", valueHint: "TIME", description: "what was written until then" },
  timestamps: { type: "boolean", alias: "t", description: "show when each line was written" },
  stdout: { type: "boolean", description: "standard output alone" },
  stderr: { type: "boolean", description: "standard error alone" },
});

export const logs = subcommand({
  name: "logs",
  description: "Show what a detached container has written",
  usage: "ID",
  options: logsOptions,
  instead: {
    details: "`contain inspect -f '{{json .Config}}' ID` has labels and environment",
    l: "`contain logs $(contain ps -lq)`",
    latest: "`contain logs $(contain ps -lq)`",
  },
  plan(given) {
    const state = checkDetached(readContainer(given.rest), "its output goes to");
    const wish = readWish(given);
    return () => {
      if (existsSync(folderOf(state.id))) show(state, wish);
      return exit(0);
    };
  },
});

interface Wish extends Selection {
  readonly follow: boolean;
  readonly lines: number | undefined;
  readonly timestamps: boolean;
}

/** @throws UsageError */
function readWish(given: Options<keyof typeof logsOptions>): Wish {
  const tail = given.value("tail");
  if (tail !== undefined && tail !== "all" && !/^\d{1,9}$/.test(tail))
    throw new UsageError(`--tail ${tail}: must be a number of lines, or all`);
  const both: readonly Stream[] = ["stdout", "stderr"];
  const asked = both.filter((stream) => given.has(stream));
  return {
    follow: given.has("follow"),
    lines: tail === undefined || tail === "all" ? undefined : Number(tail),
    timestamps: given.has("timestamps"),
    streams: asked.length === 0 ? both : asked,
    since: readMoment("--since", given.value("since")),
    until: readMoment("--until", given.value("until")),
  };
}

function show(state: State, { follow, lines, timestamps, ...selection }: Wish): void {
  const folder = folderOf(state.id);
  const over = follow ? supervisorEnd(state) : undefined;
  const { print, flush } = printer(selection, timestamps);
  const { copy } = readLog(folder, { lines, wanted: selects(selection), quiet: selection.since !== undefined });
  const copyAll = () => {
    const more = copy(print);
    flush();
    return more;
  };
  const grown = over === undefined ? undefined : onGrowth(folder, () => {});
  if (!copyAll() || over === undefined || grown === undefined) return;
  const set = new PollSet();
  set.add(over, POLLIN);
  set.add(grown.fd, POLLIN);
  set.add(1, 0);
  for (;;) {
    const left = timeLeft(selection.until);
    if (left === 0) return;
    if (!set.wait(left)) continue;
    if (set.came(2)) exit(128 + SIGPIPE); // our output was closed
    if (set.came(1)) grown.ready(POLLIN);
    if (!copyAll() || set.came(0)) return;
  }
}

/** Milliseconds until nothing more can come that is wanted; -1 for ever. */
function timeLeft(until: string | undefined): number {
  return until === undefined ? -1 : Math.max(0, Date.parse(until) - Date.now() + 1);
}
