// events: the counters of a container's group, as runc prints them.
import { readFileSync } from "node:fs";
import { OciError } from "../failure.ts";
import { pause } from "../group.ts";
import { print } from "../output.ts";
import type { OciCommand } from "../program.ts";
import { isAlive, readContainer } from "../state.ts";
import { idOf } from "../words.ts";

export const events: OciCommand = {
  name: "events",
  about: "what a container uses",
  options: { stats: "flag", interval: "value" },
  run(words, { root }) {
    const container = readContainer(root, idOf(words));
    const seconds = Number((words.value("interval") ?? "5s").replace(/s$/, ""));
    if (!(seconds > 0)) throw new OciError(`--interval ${words.value("interval")}: must be a number of seconds`);
    if (!isAlive(container)) throw new OciError("container not running");
    do {
      print(`${JSON.stringify({ type: "stats", id: container.id, data: statsOf(container.group) })}\n`);
      if (words.has("stats")) return 0;
      pause(seconds * 1000);
    } while (isAlive(container));
    return 0;
  },
};

function statsOf(group: string | undefined): Record<string, unknown> {
  if (group === undefined) throw new OciError("container has no group, so nothing is counted");
  const text = (file: string) => {
    try {
      return readFileSync(`${group}/${file}`, "latin1").trim();
    } catch {
      return undefined; // its controller is not there
    }
  };
  const number = (file: string) => (/^\d+$/.test(text(file) ?? "") ? Number(text(file)) : undefined);
  const keyed = (file: string) =>
    Object.fromEntries(
      (text(file) ?? "").split("\n").flatMap((line) => (line === "" ? [] : [[line.split(" ")[0], Number(line.split(" ")[1])]])),
    );
  const cpu = keyed("cpu.stat") as Record<string, number | undefined>;
  const nanoseconds = (key: string) => (cpu[key] ?? 0) * 1000;
  return {
    cpu: {
      usage: { total: nanoseconds("usage_usec"), kernel: nanoseconds("system_usec"), user: nanoseconds("user_usec") },
      throttling: { periods: cpu["nr_periods"], throttledPeriods: cpu["nr_throttled"], throttledTime: nanoseconds("throttled_usec") },
    },
    memory: {
      usage: {
        usage: number("memory.current"),
        limit: number("memory.max"),
        max: number("memory.peak"),
        failcnt: keyed("memory.events")["max"],
      },
      swap: { usage: number("memory.swap.current"), limit: number("memory.swap.max") },
      raw: keyed("memory.stat"),
    },
    pids: { current: number("pids.current"), limit: number("pids.max") },
  };
}
