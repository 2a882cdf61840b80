// `pnpm run bench`: us beside runc, crun, bubblewrap and unshare. Prints tables and the bars; with all cases, writes them to docs/benchmarks.md.
// `pnpm run bench WORD…` measures only the cases whose names contain a word; BENCH_RUNS=10 is quicker than the hundred runs of each.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeRootfs } from "../helpers/rootfs.ts";
import { root } from "../helpers/run.ts";
import { bars } from "./bars.ts";
import { killAll } from "./held.ts";
import { many, row, stopping } from "./life.ts";
import { limits, machine } from "./limits.ts";
import { allPeers, type Peer, TINI } from "./peers.ts";
import type { Results } from "./results.ts";
import { exec, launcher, namespaces, run } from "./speed.ts";
import { RUNS } from "./times.ts";

const CASES: Readonly<Record<string, (peers: readonly Peer[], dir: string, results: Results) => string[] | Promise<string[]>>> = {
  run,
  namespaces,
  launcher,
  exec,
  stop: stopping,
  many,
  row,
  limits,
  machine,
};

const words = process.argv.slice(2);
const wanted = Object.entries(CASES).filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));
if (wanted.length === 0) {
  console.error(`bench: no case is called so; there are ${Object.keys(CASES).join(", ")}`);
  process.exit(125);
}

const dir = mkdtempSync(join(tmpdir(), "contain-bench-"));
const results: Results = { run: new Map(), namespaces: new Map(), launcher: new Map() };
const lines: string[] = [];
const say = (text: readonly string[]) => {
  lines.push(...text);
  console.log(text.join("\n"));
};
try {
  const rootfs = makeRootfs(dir);
  spawnSync("mknod", ["-m", "666", join(rootfs, "dev/null"), "c", "1", "3"]); // unshare alone makes no /dev
  addInit(rootfs);
  const peers = allPeers(rootfs, dir).filter(works);
  const parents = peers.filter(({ isParent }) => isParent);
  for (const [name, measure] of wanted) say(await measure(name === "run" ? peers : parents, dir, results));
  say(bars(results));
} finally {
  killAll();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
}
if (words.length === 0) writePage();

/** What cannot run here is left out, and told. */
function works({ name, run }: Peer): boolean {
  const [program = "", ...words] = run(["/bin/true"], "probe");
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) console.error(`bench: without ${name}, which gives ${status}: ${stderr}`);
  return status === 0;
}

function addInit(rootfs: string): void {
  const { status, stdout } = spawnSync("sh", ["-c", "command -v tini-static || command -v docker-init || command -v catatonit"]);
  if (status !== 0) return;
  mkdirSync(dirname(join(rootfs, TINI)), { recursive: true });
  copyFileSync(`${stdout}`.trim(), join(rootfs, TINI));
}

function writePage(): void {
  const versions = ["runc", "crun", "bwrap", "unshare", "tini", "podman"]
    .map((name) => spawnSync(name, ["--version"], { encoding: "utf8" }).stdout?.split("\n")[0])
    .filter(Boolean);
  const head = `Measured by \`pnpm run bench\`: ${cpus().length} CPUs, Node ${process.versions.node}, ${versions.join(", ")}; ${RUNS} runs of each, in turn.`;
  const page = join(root, "docs/benchmarks.md");
  const text = readFileSync(page, "utf8").replace(
    /(<!-- bench -->\n).*?(\n<!-- \/bench -->)/s,
    (_all, from: string, to: string) => `${from}\n${head}\n${lines.join("\n")}\n${to}`,
  );
  writeFileSync(page, text);
}
