// Whether the installed engines start containers by contain-oci, and whether their settings can work.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canRun, type Evidence } from "@contain-tools/chain";
import { codeOf } from "@contain-tools/kernel";
import { type Check, check, type Verdict } from "./check.ts";

interface Engine {
  readonly name: string;
  readonly program: string;
  /** The existing ones count, and the last one most. */
  readonly files: () => readonly string[];
  /** What to write into the last of them. */
  readonly fix: string;
  /** Finds our runtime in the text of such a file, with the words after its path. */
  readonly runtimes: (text: string) => readonly string[];
  /** Finds who makes the groups. */
  readonly manager: RegExp;
  readonly cgroupfs: string;
}

const RULE = "docs/engines.md: an engine is given one absolute path, without words behind it";
/** The strings of a TOML file that name our runtime, outside comments. */
const inToml = (text: string) =>
  text.split("\n").flatMap((line) => [...line.replace(/^\s*#.*/, "").matchAll(/"([^"]*contain-oci[^"]*)"/g)].map(([, word = ""]) => word));

const ENGINES: readonly Engine[] = [
  {
    name: "podman",
    program: "podman",
    files: () => [
      ...["/usr/share/containers/containers.conf", "/etc/containers/containers.conf"],
      ...(process.env["HOME"] ? [join(process.env["HOME"], ".config/containers/containers.conf")] : []),
      ...(process.env["CONTAINERS_CONF"] ? [process.env["CONTAINERS_CONF"]] : []),
    ],
    fix: 'in /etc/containers/containers.conf: [engine] runtime = "/…/contain-oci", cgroup_manager = "cgroupfs"',
    runtimes: inToml,
    manager: /^\s*cgroup_manager\s*=\s*"(\w+)"/m,
    cgroupfs: 'cgroup_manager = "cgroupfs"',
  },
  {
    name: "docker",
    program: "dockerd",
    files: () => ["/etc/docker/daemon.json"],
    fix: 'in /etc/docker/daemon.json: "runtimes": {"contain": {"path": "/…/contain-oci"}}, "exec-opts": ["native.cgroupdriver=cgroupfs"]',
    runtimes: (text) => {
      const { runtimes = {} } = JSON.parse(text) as { runtimes?: Record<string, { path?: string; runtimeArgs?: string[] }> };
      const words = Object.values(runtimes).map(({ path = "", runtimeArgs = [] }) => [path, ...runtimeArgs].join(" "));
      return words.filter((word) => word.includes("contain-oci"));
    },
    manager: /native\.cgroupdriver=(\w+)/,
    cgroupfs: '"exec-opts": ["native.cgroupdriver=cgroupfs"]',
  },
  {
    name: "containerd",
    program: "containerd",
    files: () => ["/etc/containerd/config.toml"],
    fix: 'in /etc/containerd/config.toml: a runtime with BinaryName = "/…/contain-oci", SystemdCgroup = false',
    runtimes: inToml,
    manager: /^\s*SystemdCgroup\s*=\s*(\w+)/m,
    cgroupfs: "SystemdCgroup = false",
  },
];

/** @param version ours */
export function engineChecks(version: string): Check[] {
  const folders = (process.env["PATH"] ?? "").split(":").filter((dir) => dir.startsWith("/"));
  const installed = ENGINES.filter(({ program }) => folders.some((dir) => canRun(join(dir, program))));
  return installed.map((engine) => check(`${engine.name} by contain-oci`, () => setUp(engine, version)));
}

function setUp({ name, files, fix, runtimes, manager, cgroupfs }: Engine, version: string): Verdict {
  const read = files().map(readFile);
  const texts = read.flatMap(({ text }) => (text === undefined ? [] : [text]));
  const words = texts.flatMap(runtimes);
  const evidence = read.map(({ file, problem, text }): Evidence => {
    const named = text === undefined ? [] : runtimes(text);
    return text === undefined
      ? { source: file, value: undefined, problem, rule: RULE }
      : { source: file, value: named.join(", ") || "contain-oci is not named", rule: RULE };
  });
  const [word] = words.slice(-1);
  if (word === undefined) return { state: "missing", text: `${name} starts its containers by another runtime`, evidence, fix };
  const wrong = whyNot(word, version);
  if (wrong !== undefined) return { state: "limited", text: wrong.text, evidence, fix: wrong.fix };
  const makes =
    texts.flatMap((text) => manager.exec(text)?.[1] ?? []).at(-1) ?? (name !== "containerd" && hasSystemd() ? "systemd" : "cgroupfs");
  if (makes === "systemd" || makes === "true")
    return {
      state: "limited",
      text: `${name} lets systemd make its groups, which contain-oci refuses`,
      evidence,
      fix: `${cgroupfs} in ${files().at(-1)}`,
    };
  return { state: "ok", text: `${name} can start containers by ${word}`, evidence };
}

const hasSystemd = () => existsSync("/run/systemd/system"); // sd_booted(3); podman's and docker's default follows it

function readFile(file: string): { readonly file: string; readonly text?: string; readonly problem: string } {
  try {
    return { file, text: readFileSync(file, "utf8"), problem: "" };
  } catch (error) {
    return { file, problem: codeOf(error) ?? `${error}` };
  }
}

function whyNot(word: string, version: string): { readonly text: string; readonly fix: string } | undefined {
  if (/\s/.test(word))
    return { text: `${word}: there are words beside the path`, fix: "engines put words of their own there: give the path alone" };
  if (!word.startsWith("/"))
    return { text: `${word}: it is not an absolute path`, fix: "engines look in folders of their own: give the whole path" };
  if (!canRun(word))
    return { text: `${word}: no such program`, fix: "give the path of the launcher, …/native/contain-oci or …/bin/contain-oci" };
  const { stdout, error } = spawnSync(word, ["--version"], { encoding: "utf8", timeout: 10_000, killSignal: "SIGKILL" });
  const [, theirs] = /^contain-oci version (\S+)/.exec(stdout ?? "") ?? [];
  if (theirs === version) return undefined;
  const what =
    theirs === undefined ? `it does not tell its version${error === undefined ? "" : ` (${codeOf(error)})`}` : `version ${theirs}`;
  return { text: `${word}: ${what}; this is ${version}`, fix: "give the contain-oci of the same build" };
}
