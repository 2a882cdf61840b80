// An engine's name for a container: from the command line of its keeper, conmon or a containerd-shim, and from the files of the bundle.
import type { Finding } from "@contain-tools/chain";
import { childrenOf, readIfThere, readlink, statIfThere } from "@contain-tools/kernel";
import { engineContainer } from "@contain-tools/state";
import { fact, is } from "./finding.ts";
import { pids, readProcess } from "./processes.ts";

interface Keeper {
  readonly pid: number;
  readonly words: readonly string[];
}

const FAR = 8; // generations: an init, a shell, and its child

/** The process that keeps a container for an engine, if any. */
function keeperOf(pid: number): Keeper | undefined {
  for (let at = pid, left = FAR; at > 1 && left > 0; left--) {
    const process = readProcess(at);
    if (process === undefined) return undefined;
    if ((process.name === "conmon" || process.name.startsWith("containerd-shim")) && isOurs(at)) return { pid: at, words: wordsOf(at) };
    at = process.parent;
  }
  return undefined;
}

/** In our PID namespace: inside a container any process may be called conmon. */
function isOurs(pid: number): boolean {
  try {
    return readlink(`/proc/${pid}/ns/pid`) === readlink("/proc/self/ns/pid");
  } catch {
    return false;
  }
}

const wordsOf = (pid: number) => (readIfThere(`/proc/${pid}/cmdline`) ?? "").split("\0");

/** The word after one of these options. */
function after(words: readonly string[], ...options: readonly string[]): string | undefined {
  const at = words.findIndex((word) => options.includes(word));
  return at === -1 ? undefined : words[at + 1];
}

/** The name of a container, from a process in it, and where it was read. @param id as in its cgroup */
export function explainEngineName(pid: number, id: string | undefined): Finding[] {
  const keeper = keeperOf(pid);
  if (keeper === undefined || keeper.pid === pid) return [];
  const { words } = keeper;
  const cmdline = `/proc/${keeper.pid}/cmdline`;
  if (words[0]?.endsWith("conmon")) {
    const name = after(words, "-n", "--name");
    if (name === undefined) return [];
    return [is("engine-name", `its engine calls it ${name}`, [fact(cmdline, `-n ${name}`, "conmon(8) --name")])];
  }
  const space = after(words, "-namespace") ?? "?";
  const task = id ?? after(words, "-id") ?? "?";
  const kept = [fact(cmdline, `-namespace ${space} -id ${after(words, "-id")}`, "the command line of containerd's shim")];
  const name = namesIn(keeper.pid, task);
  const called = name === undefined ? "" : `, called ${name.text}`;
  const text = `it is the task ${task} of containerd's namespace ${space}${called}`;
  return [is("engine-name", text, [...kept, ...(name === undefined ? [] : [fact(name.source, name.text, name.rule)])])];
}

/** The shim's working directory is a bundle; those of the same pod are next to it. */
function namesIn(shim: number, id: string) {
  let bundle: string;
  try {
    bundle = readlink(`/proc/${shim}/cwd`);
  } catch {
    return undefined;
  }
  const source = `${bundle.slice(0, bundle.lastIndexOf("/"))}/${id}/config.json`;
  const { annotations, hostname } = parse(source);
  const said = (key: string) => textIn(fieldsOf(annotations)[key]);
  const parts = ["sandbox-namespace", "sandbox-name", "container-name"].flatMap((key) => said(`io.kubernetes.cri.${key}`) ?? []);
  const text = said("nerdctl/name") ?? (parts.length > 0 ? parts.join("/") : undefined);
  if (text !== undefined) return { text, source, rule: "annotations of the runtime specification's config.json" };
  const known = engineContainer(id);
  if (known?.name !== undefined)
    return { text: known.name, source: `${known.root}/${id}/state.json`, rule: "contain-oci's own state of it" };
  const docker = `/var/lib/docker/containers/${id}/config.v2.json`;
  const name = textIn(parse(docker)["Name"]);
  if (name !== undefined) return { text: name.slice(1), source: docker, rule: "docker's own state of it" };
  const host = textIn(hostname);
  return host === undefined ? undefined : { text: host, source, rule: "hostname of the runtime specification's config.json" };
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const textIn = (value: unknown) => (typeof value === "string" ? value : undefined);

/** Anybody may run something called a shim, in any folder: a FIFO would block. */
function parse(path: string): Fields {
  try {
    return statIfThere(path)?.isFile() === true ? fieldsOf(JSON.parse(readIfThere(path) ?? "{}")) : {};
  } catch {
    return {};
  }
}

/** The engine's name for the container of a process. */
export function engineNameOf(pid: number, id: string): string | undefined {
  const keeper = keeperOf(pid);
  if (keeper === undefined) return engineContainer(id)?.name;
  return keeper.words[0]?.endsWith("conmon") ? after(keeper.words, "-n", "--name") : namesIn(keeper.pid, id)?.text;
}

/** The PIDs that conmon keeps under this name. */
export function keptUnder(name: string): number[] {
  const conmons = pids().filter((pid) => readIfThere(`/proc/${pid}/comm`)?.trim() === "conmon");
  return conmons.filter((pid) => after(wordsOf(pid), "-n", "--name") === name).flatMap((pid) => childrenOf(pid));
}
