// Runs random command lines for real, in namespaces of their own (tests/fuzz/runs.test.ts); prints a line of JSON for each fault.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { groups, list, mounts, read } from "./looks.ts";
import { Random } from "./random.ts";
import { randomWords } from "./words.ts";

const [rootfs = "", bin = "", top = "", seed = "", from = "", count = ""] = process.argv.slice(2);
const wishes = {
  hostile: 5,
  rootfs,
  // demonstrations of seconds; what goes on until a key is pressed; what may still run when leftovers are looked for
  without: (tool: string, option: string) => (tool === "contain" && ["lab", "events", "watch"].includes(option)) || option === "leave",
  programs: [["true"], ["true"], ["sh", "-c", "exit 7"], ["/no/such"], ["/etc/passwd"]],
};
const TIMEOUT = 15_000;
const TRACE = /this is a bug|\n +at .*:\d+|panic|oh no: Bun|node:internal|(Type|Range|Reference|Syntax)Error|Segmentation/;
/** What may end the program itself by a signal. */
const DEADLY = /ulimit|memory|cpu|seccomp|trace-denied|pids|kill|caps|landlock/;

const processes = () =>
  list("/proc").filter(
    (name) => /^\d+$/.test(name) && !before.processes.includes(name) && !/^State:\s+Z/m.test(read(`/proc/${name}/status`)),
  );
const links = () =>
  read("/proc/net/dev")
    .split("\n")
    .map((line) => line.split(":")[0]?.trim() ?? "");

const before = {
  processes: list("/proc").filter((name) => /^\d+$/.test(name)),
  groups: groups(top),
  mounts: mounts(),
  links: links(),
};

/** A detached container that ran and ended is kept for whoever asks. */
const isRemembered = (name: string) => /"detached":true.*"ended":/.test(read(join("/run/contain", name, "state.json")));

/** What is there now that was not; waits for processes that are about to end. */
function leftovers(argv: readonly string[]): string[] {
  for (const end = Date.now() + 5000; processes().length > 0 && Date.now() < end; ) spawnSync("sleep", ["0.02"]);
  const has = (word: string) => argv.includes(word);
  const more = (now: readonly string[], then: readonly string[], kind: string) =>
    now.filter((entry) => !then.includes(entry)).map((entry) => `${kind} ${entry}`);
  return [
    ...processes().map((pid) => `process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`),
    ...list("/run/contain")
      .filter((name) => /^\.?[0-9a-f]{12}/.test(name) && !isRemembered(name))
      .map((name) => `state ${name}`),
    ...(has("cgset") ? [] : more(groups(top), before.groups, "group")),
    ...(argv.some((word) => /^--\w+=/.test(word) || /^-[a-zA-Z]./.test(word)) ? [] : more(mounts(), before.mounts, "mount")),
    ...(has("veth") ? [] : more(links(), [...before.links, "contain0"], "link")),
  ];
}

function clean(): void {
  for (const pid of processes()) process.kill(Number(pid), "SIGKILL");
  for (const name of list("/run/contain")) rmSync(join("/run/contain", name), { recursive: true, force: true });
  for (const group of groups(top).reverse()) if (!before.groups.includes(group)) spawnSync("rmdir", [group]);
  for (const line of mounts()) if (!before.mounts.includes(line)) spawnSync("umount", ["-l", line.split(" ")[1] ?? ""]);
  for (const link of links()) if (!before.links.includes(link)) spawnSync("ip", ["link", "del", link]);
}

const statuses = new Map<string, number>();

function faults(argv: readonly [string, ...string[]]): string[] {
  const [tool, ...words] = argv;
  const { status, signal, stdout, stderr, error } = spawnSync(join(bin, tool), words, {
    timeout: TIMEOUT,
    killSignal: "SIGKILL",
    encoding: "utf8",
    input: "",
    maxBuffer: 1 << 26,
    env: { PATH: `${bin}:${process.env["PATH"]}`, HOME: "/root" },
  });
  statuses.set(`${signal ?? status}`, (statuses.get(`${signal ?? status}`) ?? 0) + 1);
  if (process.env["CONTAIN_FUZZ_LOG"])
    console.error(JSON.stringify([signal ?? status, argv.join(" ").slice(0, 200), stderr.slice(0, 200)]));
  const bad: string[] = [];
  const mayDie = argv.some((word) => DEADLY.test(word));
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT") bad.push(`it took more than ${TIMEOUT} ms`);
  else if (signal !== null && !mayDie) bad.push(`died by ${signal}`);
  else if (signal === null && ![0, 7, 125, 126, 127].includes(status ?? -1) && !((status ?? 0) > 128 && mayDie))
    bad.push(`status ${status}`);
  if (TRACE.test(stdout + stderr)) bad.push("a stack trace");
  if ((status ?? 0) >= 125 && (status ?? 0) <= 127 && stderr === "") bad.push(`status ${status} without a word`);
  bad.push(...leftovers(argv));
  return bad.length === 0 ? [] : [...bad, `status ${status} ${signal ?? ""}`, stderr.slice(0, 1500)];
}

for (let i = Number(from); i < Number(from) + Number(count); i++) {
  const argv = randomWords(new Random(Number(seed), i), wishes);
  if (argv.some((word) => word.includes("\0"))) continue;
  const wrong = faults(argv);
  if (wrong.length > 0) console.log(JSON.stringify({ i, argv, wrong }));
  clean();
}
console.log(`${JSON.stringify(Object.fromEntries(statuses))} done`);
