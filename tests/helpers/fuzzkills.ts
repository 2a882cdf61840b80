// Kills one process of a container at a random moment, in namespaces of its own (tests/fuzz/kills.test.ts); a line of JSON for what is left.
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { groups, list, mounts, read } from "./looks.ts";
import { Random } from "./random.ts";
import { pause } from "./wait.ts";

const [rootfs = "", bin = "", top = "", seed = "", count = "", window = ""] = process.argv.slice(2);
const BATCH = 10;
const OPTIONS = [
  "--init",
  "--detach",
  "--confine",
  "--chain=exec",
  "--net=veth",
  "--overlay",
  "--tmpfs=/tmp",
  "--tty",
  "--confine --trace-denied",
  "--profile",
];
const PATH = `${bin}:${process.env["PATH"]}`;

const pids = () => list("/proc").filter((name) => /^\d+$/.test(name));
const links = () =>
  read("/proc/net/dev")
    .split("\n")
    .map((line) => line.split(":")[0]?.trim() ?? "");
const before = { pids: pids(), groups: groups(top), mounts: mounts(), links: links() };
const processes = () => pids().filter((pid) => !before.pids.includes(pid) && /^State:\s+[^ZX]/m.test(read(`/proc/${pid}/status`)));
const describe = (pid: string) => `${read(`/proc/${pid}/comm`).trim()} (${pid})`;

async function emptied(milliseconds: number): Promise<boolean> {
  for (const end = performance.now() + milliseconds; processes().length > 0 && performance.now() < end; ) await pause(5);
  return processes().length === 0;
}

/** Starts a container, kills one of its processes, and then whoever is its supervisor, if it lives on. */
async function tryOne(i: number): Promise<string> {
  const random = new Random(Number(seed), i);
  const options = [...new Set(random.some(3, () => random.pick(OPTIONS)))].flatMap((text) => text.split(" "));
  const profile = options.includes("--profile") ? ["--profile"] : [];
  const words = [...profile, "run", "-q", ...options.filter((word) => word !== "--profile"), "--rootfs", rootfs, "--", "sleep", "1000"];
  const child = spawn(join(bin, "contain"), words, { stdio: "ignore", env: { PATH } });
  await pause(random.below(Number(window)));
  const alive = processes();
  const victim = alive.length === 0 ? undefined : random.pick(alive);
  const told = `${i}: contain ${words.join(" ")}: killed ${victim === undefined ? "nobody" : describe(victim)} of ${alive.map(describe).join(", ")}`;
  if (victim !== undefined) kill(victim);
  if (!(await emptied(100))) for (const pid of processes()) if (parent(pid) === `${process.pid}` || parent(pid) === "1") kill(pid);
  child.unref();
  return told;
}

/** A detached container that ran and ended is kept for whoever asks. */
const isRemembered = (name: string) => /"detached":true.*"ended":/.test(read(join("/run/contain", name, "state.json")));

const parent = (pid: string) => /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];

function kill(pid: string): void {
  try {
    process.kill(Number(pid), "SIGKILL");
  } catch {
    // it has ended by itself
  }
}

for (let first = 0; first < Number(count); first += BATCH) {
  const told: string[] = [];
  for (let i = first; i < Math.min(first + BATCH, Number(count)); i++) {
    told.push(await tryOne(i));
    if (process.env["CONTAIN_FUZZ_LOG"]) console.error(told.at(-1));
    if (!(await emptied(5000))) console.log(JSON.stringify({ told: told.at(-1), left: processes().map(describe) }));
    for (const pid of processes()) kill(pid);
  }
  const { status, signal, stdout, stderr } = spawnSync(join(bin, "contain"), ["gc"], {
    encoding: "utf8",
    timeout: 100_000,
    killSignal: "SIGKILL",
    env: { PATH },
  });
  const more = (now: readonly string[], then: readonly string[], kind: string) =>
    now.filter((entry) => !then.includes(entry)).map((entry) => `${kind} ${entry}`);
  const left = [
    ...list("/run/contain")
      .filter((name) => /^\.?[0-9a-f]{12}/.test(name) && !isRemembered(name))
      .map((name) => `state ${name}`),
    ...more(groups(top), before.groups, "group"),
    ...more(mounts(), before.mounts, "mount"),
    ...more(links(), before.links, "link"),
    ...(status === 0 ? [] : [`gc: status ${status} ${signal}`]),
  ];
  if (left.length > 0) console.log(JSON.stringify({ left, gc: stdout + stderr, told }));
  for (const name of list("/run/contain")) rmSync(join("/run/contain", name), { recursive: true, force: true });
}
console.log("done");
