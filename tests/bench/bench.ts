// `pnpm run bench`: hyperfine, in rounds, so that all programs see the same weather. Prints a table and writes it to the README.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeRootfs } from "../helpers/rootfs.ts";
import { bin, root } from "../helpers/run.ts";
import { type Peer, runPeers } from "./peers.ts";

const RUNS = Number(process.env["BENCH_RUNS"] ?? 100);
const ROUNDS = 10;
const dir = mkdtempSync(join(tmpdir(), "contain-bench-"));
const rootfs = makeRootfs(dir);
// A certificate file that Node reads at every start would flatter us: our launcher keeps it away.
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
const lines: string[] = [];
const say = (line: string) => {
  lines.push(line);
  console.log(line);
};

interface Times {
  readonly median: number;
  readonly minimum: number;
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

/** Milliseconds of each command, RUNS times in all, a few at a time in turn. */
function measure(peers: readonly Peer[]): Map<string, Times> {
  const times = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, argv } of peers) {
      const file = join(dir, "times.json");
      const quoted = argv.map((word) => `'${word}'`).join(" ");
      const words = ["-N", "--warmup", "1", "--runs", `${Math.max(2, RUNS / ROUNDS)}`, "--export-json", file, quoted];
      const { status, stderr } = spawnSync("hyperfine", words, { env: environment, encoding: "utf8" });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      times.get(name)?.push(...JSON.parse(readFileSync(file, "utf8")).results[0].times.map((seconds: number) => seconds * 1000));
    }
  }
  return new Map([...times].map(([name, list]) => [name, { median: median(list), minimum: Math.min(...list) }]));
}

function table(title: string, peers: readonly Peer[], base: readonly string[]): void {
  const times = measure(peers);
  say(`\n| ${title} | median | minimum |${base.map((name) => ` to ${name} |`).join("")}`);
  say(`| --- | --: | --: |${" --: |".repeat(base.length)}`);
  for (const [name, { median: middle, minimum }] of times) {
    const ratios = base.map((other) => ` ${(middle / (times.get(other)?.median ?? Number.NaN)).toFixed(2)} |`).join("");
    say(`| ${name} | ${middle.toFixed(1)} ms | ${minimum.toFixed(1)} ms |${ratios}`);
  }
}

const peers = runPeers(rootfs, dir);
const bareNode: Peer = { name: "node -e 0", argv: ["node", "-e", "0"] };
table(
  "a container that runs /bin/true",
  [...peers, bareNode],
  ["runc", "crun", "node -e 0"].filter((name) => [...peers, bareNode].some((peer) => peer.name === name)),
);

const init = (peer: Peer): Peer => ({ ...peer, name: `${peer.name}, --init`, argv: peer.argv.toSpliced(2, 0, "--init") });
const own = peers.filter((peer) => peer.own === true);
table(
  "with pid1 as its init",
  own.flatMap((peer) => [peer, init(peer)]),
  [],
);

const namespaces = ["--pid", "--mount", "--uts"];
table(
  "namespaces alone",
  [
    { name: "nsexec", argv: [join(bin, "nsexec"), ...namespaces, "--", "/bin/true"] },
    { name: "unshare --fork", argv: ["unshare", "--fork", ...namespaces, "/bin/true"] },
  ],
  ["unshare --fork"],
);

/** Kilobytes of a field of smaps_rollup, for the processes of a container: the supervisor, or the init. */
function memory(pids: readonly string[], field: string): number {
  return median(
    pids.map((pid) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1])),
  );
}

const childrenOf = (pid: number | string) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);

say("\n| at once | all started | supervisor: private, shared out (PSS) | init: private |\n| --: | --: | --: | --: |");
for (const count of [1, 10, 100]) {
  const started = Date.now();
  const containers = Array.from({ length: count }, () =>
    spawn(join(bin, "contain"), ["run", "--quiet", "--init", "--rootfs", rootfs, "--", "/bin/sh", "-c", "echo up; sleep 1000"], {
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  await Promise.all(containers.map(({ stdout }) => new Promise((resolve) => stdout.once("data", resolve))));
  const milliseconds = Date.now() - started;
  await sleep(500);
  const supervisors = containers.map(({ pid }) => `${pid}`);
  const inits = supervisors.flatMap(childrenOf);
  const dirty = memory(supervisors, "Private_Dirty");
  say(
    `| ${count} | ${milliseconds} ms | ${(dirty / 1024).toFixed(1)} MB, ${(memory(supervisors, "Pss") / 1024).toFixed(1)} MB | ${(memory(inits, "Private_Dirty") / 1024).toFixed(2)} MB |`,
  );
  const ended = containers.map((container) => new Promise((resolve) => container.once("exit", resolve)));
  for (const container of containers) container.kill("SIGTERM");
  await Promise.all(ended);
}

const row: number[] = [];
for (let i = 0; i < 10 * RUNS; i++) {
  const started = performance.now();
  spawnSync(join(bin, "contain"), ["run", "--quiet", "--rootfs", rootfs, "--", "/bin/true"], { env: environment });
  row.push(performance.now() - started);
}
say(
  `\n${row.length} one after another: median of the first ${RUNS} ${median(row.slice(0, RUNS)).toFixed(1)} ms, of the last ${RUNS} ${median(row.slice(-RUNS)).toFixed(1)} ms.`,
);

rmSync(dir, { recursive: true });
const cpus = readdirSync("/sys/devices/system/cpu").filter((name) => /^cpu\d+$/.test(name)).length;
const versions = ["runc", "crun", "bwrap"]
  .map((name) => spawnSync(name, ["--version"], { encoding: "utf8" }).stdout?.split("\n")[0])
  .filter(Boolean);
const text = `Measured by \`pnpm run bench\`: ${cpus} CPUs, Node ${process.versions.node}, ${versions.join(", ")}; ${RUNS} runs of each, in turn.\n${lines.join("\n")}\n`;
const readme = join(root, "README.md");
writeFileSync(
  readme,
  readFileSync(readme, "utf8").replace(
    /(<!-- bench -->\n).*?(\n<!-- \/bench -->)/s,
    (_all, from: string, to: string) => `${from}\n${text}${to}`,
  ),
);
