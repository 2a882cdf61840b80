// Many containers: at once, one after the other, and how long the end of one takes.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { finish, firstOf, type Held, hold, type Process, processesOf } from "./held.ts";
import type { Peer } from "./peers.ts";
import type { Results } from "./results.ts";
import { environment, median, ms, RUNS, readTimes, table, time, timesOf, timesTable } from "./times.ts";

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

/** Ten times RUNS, one after the other. Between the hundreds runs somebody else: by how much he has changed, the machine has. */
export function row(peers: readonly Peer[], dir: string, results: Results): string[] {
  const [ours] = peers as [Peer];
  const control = peers.find(({ name }) => name === "crun") ?? (peers.at(-1) as Peer);
  const command = ({ name, run }: Peer) => ({ name, argv: run(["/bin/true"], `row-${name}`) });
  const files = Array.from({ length: 10 }, (_, round) => join(dir, `row-${round}.json`));
  const between = files.map((file) => `${file}-control`);
  for (const [round, file] of files.entries()) {
    time([{ name: ours.name, argv: ours.run(["/bin/true"], "") }], RUNS, file);
    time([command(control)], Math.max(2, RUNS / 5), between[round] ?? "");
  }
  const medians = (names: readonly string[], peer: Peer) => names.map((name) => median(readTimes([name]).get(peer.name) ?? []));
  const ends = (values: readonly number[]) => ({ first: values[0] ?? Number.NaN, last: values.at(-1) ?? Number.NaN });
  results.row = { ...ends(medians(files, ours)), control: ends(medians(between, control)) };
  const { first, last } = results.row;
  return [
    "",
    `${10 * RUNS} one after another, ${ours.name}: median of the first ${RUNS} ${ms(first)}, of the last ${RUNS} ${ms(last)}; ${control.name} between them, the first ${ms(results.row.control.first)} and the last ${ms(results.row.control.last)}.`,
  ];
}
