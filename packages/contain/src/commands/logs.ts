// `contain logs`: what a detached container has written.
import { existsSync } from "node:fs";
import { exit, type Options, POLLIN, PollSet, SIGPIPE, withCommon } from "@contain-tools/kernel";
import { logOf } from "../background.ts";
import { subcommand } from "../command.ts";
import { supervisorEnd } from "../end.ts";
import { readLog } from "../log.ts";
import type { State } from "../state.ts";
import { readDetached } from "./wait.ts";

export const logs = subcommand({
  name: "logs",
  description: "Show what a detached container has written",
  usage: "ID",
  options: withCommon({ follow: { type: "boolean", alias: "f", description: "go on until the container has ended" } }),
  plan(given: Options<"follow">) {
    const state = readDetached(given.rest, "its output goes to");
    return () => {
      if (existsSync(logOf(state.id))) show(state, given.has("follow"));
      return exit(0);
    };
  },
});

function show(state: State, follow: boolean): void {
  const { source, copy } = readLog(logOf(state.id), 0);
  const over = follow ? supervisorEnd(state) : undefined;
  copy();
  if (over === undefined) return;
  const set = new PollSet();
  set.add(over, POLLIN);
  set.add(source.fd, POLLIN);
  set.add(1, 0);
  do {
    set.wait(-1);
    if (set.came(2)) exit(128 + SIGPIPE); // nobody reads any more
    if (set.came(1)) source.ready(POLLIN);
  } while (!set.came(0));
  copy();
}
