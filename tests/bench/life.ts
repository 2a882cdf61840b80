// Many containers: at once, one after the other, and how long the end of one takes.

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { finish, firstOf, type Held, hold, type Process, processesOf } from "./held.ts";
import type { Peer } from "./peers.ts";
import type { Results } from "./results.ts";
import { environment, hyperfine, median, ms, RUNS, readTimes, table, timesOf, timesTable } from "./times.ts";

const MB = 1 << 20;
const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

/** Bytes of a process, of /proc/PID/smaps_rollup: resident, its share of what is shared, and what nobody else has. */
interface Memory {
  readonly resident: number;
  readonly share: number;
  readonly own: number;
}

function memoryOf({ pid }: Process): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]) * 1024;
  return { resident: field("Rss"), share: field("Pss"), own: field("Private_Clean") + field("Private_Dirty") };
}

/** The same of one container's processes that have that role; a container's figure is the median of all of them. */
function memory(containers: readonly (readonly Process[])[], role: Process["role"]): Memory {
  const each = containers.map((processes) => processes.filter((process) => process.role === role).map(memoryOf));
  const middle = (key: keyof Memory) => median(each.map((list) => sum(list.map((item) => item[key]))));
  return { resident: middle("resident"), share: middle("share"), own: middle("own") };
}

const shown = ({ resident, share, own }: Memory) => [resident, share, own].map((bytes) => (bytes / MB).toFixed(1)).join(", ");

/** 1, 10 and 100 at once; fewer where BENCH_RUNS is small. */
export async function many(peers: readonly Peer[], _dir: string, results: Results): Promise<string[]> {
  const rows: string[][] = [];
  for (const count of [1, 10, 100].filter((number) => number <= Math.max(RUNS, 2))) {
    for (const peer of peers) {
      const started = performance.now();
      const how = { init: peer.hasInit };
      const all = await Promise.allSettled(Array.from({ length: count }, (_, i) => hold(peer, `many-${i}`, how)));
      const took = performance.now() - started;
      const held = all.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      await sleep(500); // what they do after the start of their program is done
      const processes = held.map(processesOf);
      const [supervisor, init] = [memory(processes, "supervisor"), memory(processes, "init")];
      const well = (await Promise.all(held.map(finish))).filter((status) => status === 0).length;
      if (peer === peers[0]) {
        results.crowd = { count, well, supervisor: supervisor.own };
        results.init = init.own;
      }
      rows.push([`${count}`, peer.name, ms(took), shown(supervisor), peer.hasInit ? shown(init) : "", well === count ? "all" : `${well}`]);
    }
  }
  const head = ["at once", "with an init", "until all run", "MB of a supervisor: RSS, PSS, private", "MB of an init", "ended well"];
  return table(head, rows);
}

/** Milliseconds from the request to the end of the supervisor, which cleans up before. */
async function stop(peer: Peer, held: Held): Promise<{ took: number; status: number | string }> {
  const [program = "", ...words] = peer.stop(held.id, firstOf(held));
  const started = performance.now();
  spawn(program, words, { env: environment, stdio: "ignore" });
  const status = await held.ended;
  return { took: performance.now() - started, status };
}

export async function stopping(peers: readonly Peer[]): Promise<string[]> {
  const times = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  for (let i = 0; i < RUNS; i++) {
    for (const peer of peers) {
      const { took, status } = await stop(peer, await hold(peer, "stop"));
      if (status !== 0) throw new Error(`${peer.name}: a program that was asked to end gave ${status}`);
      times.get(peer.name)?.push(took);
    }
  }
  const all = new Map([...times].map(([name, list]) => [name, timesOf(list)]));
  return timesTable("from the request to stop to the end of the supervisor", all, [...all.keys()], ["runc", "crun"]);
}

/** Ten times RUNS, one after the other. */
export function row(peers: readonly Peer[], dir: string, results: Results): string[] {
  const [peer] = peers as [Peer];
  const file = join(dir, "row.json");
  const [program = "", ...words] = hyperfine([{ name: peer.name, argv: peer.run(["/bin/true"], "") }], 10 * RUNS, file);
  const { status, stderr } = spawnSync(program, words, { env: environment, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const times = readTimes([file]).get(peer.name) ?? [];
  results.row = { first: median(times.slice(0, RUNS)), last: median(times.slice(-RUNS)) };
  return [
    "",
    `${times.length} one after another, ${peer.name}: median of the first ${RUNS} ${ms(results.row.first)}, of the last ${RUNS} ${ms(results.row.last)}.`,
  ];
}
