// Malformed states in a state folder of their own, and the commands that read it (tests/fuzz/files.test.ts); a line of JSON for each fault.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { malformed } from "./mutate.ts";
import { Random } from "./random.ts";

const [rootfs = "", bin = "", seed = "", batches = ""] = process.argv.slice(2);
const FOLDER = "/run/contain";
const BATCH = 10;
const WAITING = ["wait", "attach"];
const TRACE =
  /this is a bug|\n +at .*:\d+|panic|oh no: Bun|node:internal|(Type|Range|Reference|Syntax)Error|Segmentation|undefined|\[object|NaN/;
const contain = (...words: string[]) =>
  spawnSync(join(bin, "contain"), words, {
    timeout: WAITING.includes(words[0] ?? "") ? 1000 : 20_000,
    killSignal: "SIGKILL",
    encoding: "utf8",
    input: "",
    env: { PATH: process.env["PATH"] },
  });
const stateOf = (id: string) => JSON.parse(readFileSync(join(FOLDER, id, "state.json"), "utf8")) as Record<string, unknown>;

const detached = (...program: string[]) => {
  const { stdout, stderr } = contain("run", "-q", "--detach", "--confine", "--rootfs", rootfs, "--", ...program);
  if (stdout === "") throw new Error(stderr);
  return stdout.trim();
};
const gone = detached("sh", "-c", "exit 3");
contain("wait", gone);
const bases = [stateOf(gone), stateOf(detached("sleep", "1000"))];

const COMMANDS: readonly (readonly string[])[] = [
  ["list", "--quiet"],
  ["inspect", "ID"],
  ["logs", "ID"],
  ["wait", "ID"],
  ["explain", "ID"],
  ["stats", "ID"],
  ["exec", "ID", "--", "true"],
  ["update", "ID", "--pids", "20"],
  ["pause", "ID"],
  ["unpause", "ID"],
  ["kill", "ID", "CONT"],
  ["attach", "ID"],
  ["rm", "ID"],
  ["stop", "--grace", "0s", "ID"],
];

for (let batch = 0; batch < Number(batches); batch++) {
  const random = new Random(Number(seed), 300_000 + batch);
  const ids = Array.from({ length: BATCH }, (_, i) => `f${`${batch}`.padStart(5, "0")}${`${i}`.padStart(6, "0")}`);
  const texts: string[] = [];
  for (const id of ids) {
    const base = random.pick(bases);
    const group = typeof base["group"] === "string" ? base["group"].replace(/[0-9a-f]{12}$/, id) : undefined;
    const text = malformed(random, { ...base, id, group });
    mkdirSync(join(FOLDER, id), { mode: 0o700 });
    writeFileSync(join(FOLDER, id, "state.json"), text);
    texts.push(text.toString().slice(0, 1500));
  }
  const words = random.pick(COMMANDS).map((word) => (word === "ID" ? random.pick(ids) : word));
  for (const argv of [["list"], ["list", "--json"], words, ["gc"]]) {
    const { status, signal, stdout, stderr, error } = contain(...argv);
    const waits = WAITING.includes(argv[0] ?? ""); // for one that runs, or with its status
    const wrong = [
      ...(waits || error === undefined ? [] : [`${error}`]),
      ...(waits || signal === null || error !== undefined ? [] : [`died by ${signal}`]),
      ...(waits || status === 0 || status === 125 ? [] : [`status ${status}`]),
      ...(TRACE.test(stdout + stderr) ? ["a stack trace, or a value that is none"] : []),
      ...(waits || status === 0 || stderr !== "" ? [] : ["not a word"]),
    ];
    if (wrong.length > 0)
      console.log(JSON.stringify({ batch, argv, wrong, status, stdout: stdout.slice(0, 1000), stderr: stderr.slice(0, 1000), texts }));
  }
  for (const name of readdirSync(FOLDER)) if (ids.includes(name)) rmSync(join(FOLDER, name), { recursive: true, force: true });
}
console.log("done");
