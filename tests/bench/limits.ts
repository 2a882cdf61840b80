// A container with limits: where this host has them on cgroup v2, and in a User-mode Linux machine, where all have it.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { boot, type Case } from "../vm/machine.ts";
import type { Peer } from "./peers.ts";
import { type Command, hyperfine, measure, quoted, RUNS, readTimes, timesOf, timesTable } from "./times.ts";

const CONTROLLERS = "/sys/fs/cgroup/cgroup.controllers";
const BASE = ["runc", "crun"];
const TITLE = "with limits of memory, CPU and processes";

function commandsOf(peers: readonly Peer[]): Command[] {
  return peers
    .filter(({ hasLimits }) => hasLimits)
    .map((peer) => ({ name: peer.name, argv: peer.run(["/bin/true"], "", { limits: true }) }));
}

export function limits(peers: readonly Peer[], dir: string): string[] {
  const controllers = existsSync(CONTROLLERS) ? readFileSync(CONTROLLERS, "utf8") : "";
  if (!["memory", "cpu", "pids"].every((name) => controllers.includes(name))) {
    return ["", `${TITLE}: not here, where the controllers are not on cgroup v2; the machine below has them.`];
  }
  const commands = commandsOf(peers);
  return timesTable(TITLE, measure(commands, dir), names(commands), BASE);
}

/** A fifth of the runs: a start takes thirty times as long there. */
export async function machine(peers: readonly Peer[], dir: string): Promise<string[]> {
  if (spawnSync("sh", ["-c", "command -v linux.uml"]).status !== 0) return ["", `${TITLE}: there is no User-mode Linux here.`];
  const commands = commandsOf(peers);
  const rounds = Array.from({ length: Math.ceil(RUNS / 25) }, (_, i) => join(dir, `machine-${i}.json`));
  const script = rounds.map((file) => quoted(hyperfine(commands, Math.max(2, Math.ceil(RUNS / 5 / rounds.length)), file))).join(" &&\n");
  const item: Case = { name: "bench", script, seconds: 600, check: () => {} };
  const work = join(dir, "machine");
  mkdirSync(work);
  const { status, stderr } = (await boot(work, [item], {}, 660)).result(item);
  if (status !== 0) throw new Error(`hyperfine in the machine: ${stderr}`);
  const all = new Map([...readTimes(rounds)].map(([name, times]) => [name, timesOf(times)]));
  return timesTable(`the same in User-mode Linux, one CPU: only the ratios mean something`, all, names(commands), BASE);
}

const names = (commands: readonly Command[]) => commands.map(({ name }) => name);
