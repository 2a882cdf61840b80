// Containers of other programs: those that contain-oci runs for an engine, and how ended ones ended. A folder is read only if it belongs to
// this user and nobody else can write to it.
import type { Evidence } from "@contain-tools/chain";
import { cgroupField, exists, lstatIfThere, mkdir, readdir, readIfThere, readlink, rename, unlink, writeFile } from "@contain-tools/kernel";
import { type Ended, isEnded } from "./ended.ts";
import { makeStateFolder, stateFolder } from "./folder.ts";
import { isAlive, type ProcessId } from "./processid.ts";

/** One that has ended. */
interface EndedOther extends Omit<Ended, "status"> {
  readonly id: string;
  /** As the engine calls it. */
  readonly name: string | undefined;
  readonly pid: number | undefined;
  readonly argv: readonly string[];
  /** As a shell reports it in $?; undefined if it is not known. */
  readonly status: number | undefined;
  /** Where its status was read, or why it is not known. */
  readonly told?: Evidence;
  /** Who saw its end: `contain-oci` or `contain watch`. */
  readonly by: string;
}

/** One that contain-oci runs. */
interface EngineContainer {
  readonly id: string;
  readonly name: string | undefined;
  readonly init: ProcessId | undefined;
  readonly argv: readonly string[];
  readonly group: string | undefined;
  readonly status: "created" | "running" | "paused" | "stopped";
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** The --root under which its engine has it. */
  readonly root: string;
}

const OCI = "/run/contain-oci";
/** Next to the containers of a folder: those that have ended. No container's id has an @. */
const ENDED = "@ended";

/** The folder in which `contain watch` keeps what it has seen. */
const watchedFolder = () => `${stateFolder()}/${ENDED}`;

function roots(): string[] {
  const links = namesIn(`${OCI}/@roots`).flatMap((name) => {
    try {
      return [readlink(`${OCI}/@roots/${name}`)];
    } catch {
      return [];
    }
  });
  return [OCI, ...links].filter(isOurs);
}

function isOurs(folder: string): boolean {
  const stat = lstatIfThere(folder);
  return stat?.isDirectory() === true && stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
}

function namesIn(folder: string): string[] {
  try {
    return readdir(folder).sort();
  } catch {
    return [];
  }
}

/** Oldest first. */
export function engineContainers(): EngineContainer[] {
  const found = roots().flatMap((root) => namesIn(root).flatMap((id) => readContainer(root, id) ?? []));
  return found.sort((a, b) => a.created - b.created);
}

/** The one with this id. */
export function engineContainer(id: string): EngineContainer | undefined {
  if (id === "" || id.includes("/")) return undefined;
  return roots().flatMap((root) => readContainer(root, id) ?? [])[0];
}

function readContainer(root: string, id: string): EngineContainer | undefined {
  const folder = `${root}/${id}`;
  const container = parse(`${folder}/state.json`);
  if (container === undefined || container["id"] !== id) return undefined;
  const { name, init, group, created } = container as { name?: string; init?: ProcessId; group?: string; created?: string };
  const argv = parse(`${folder}/noted.json`)?.["argv"];
  const status =
    init === undefined || !isAlive(init)
      ? "stopped"
      : exists(`${folder}/start.fifo`)
        ? "created"
        : group !== undefined && cgroupField(group, "cgroup.events", "frozen") === 1
          ? "paused"
          : "running";
  return { id, name, init, argv: Array.isArray(argv) ? argv : [], group, status, created: Date.parse(created ?? ""), root };
}

const MOST = 200; // that are remembered

/** Keeps how one ended, and drops the oldest. @throws SyscallError, UsageError if it cannot be written */
export function rememberOther(ended: EndedOther): void {
  makeStateFolder();
  const folder = watchedFolder();
  if (!exists(folder)) mkdir(folder, 0o700);
  const draft = `${folder}/.${process.pid}`;
  writeFile(draft, `${JSON.stringify(ended)}\n`, 0o600);
  rename(draft, `${folder}/${ended.id.replaceAll("/", "%2F").slice(0, 200)}.json`);
  const names = namesIn(folder);
  if (names.length <= MOST) return;
  const at = (name: string) => readEnded(`${folder}/${name}`)?.at ?? 0;
  const aged = names.map((name) => ({ name, at: at(name) })).sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(MOST)) unlink(`${folder}/${name}`);
}

/** Oldest first. */
export function endedOthers(): EndedOther[] {
  const folders = [watchedFolder(), ...roots().map((root) => `${root}/${ENDED}`)].filter(isOurs);
  const found = folders.flatMap((folder) => namesIn(folder).flatMap((name) => readEnded(`${folder}/${name}`) ?? []));
  return found.sort((a, b) => a.at - b.at);
}

/** The last one with this id, name, PID or beginning of an id that is no PID. */
export function endedOther(word: string): EndedOther | undefined {
  const all = endedOthers();
  const found = find(all, word);
  // The runtime deletes it after its end was seen; whoever saw the end knows more.
  const seen = all.findLast(({ id, pid, status }) => id === found?.id && pid === found.pid && status !== undefined);
  return seen ?? found;
}

function find(all: readonly EndedOther[], word: string): EndedOther | undefined {
  return (
    all.findLast(({ id, name }) => id === word || name === word || id === `${word}.service`) ??
    all.findLast(({ pid }) => `${pid}` === word) ??
    (/^(?!\d{1,7}$)[0-9a-f]{3,}$/.test(word) ? all.findLast(({ id }) => id.startsWith(word)) : undefined)
  );
}

function readEnded(path: string): EndedOther | undefined {
  const ended = parse(path);
  if (ended === undefined || typeof ended["id"] !== "string" || !Array.isArray(ended["argv"])) return undefined;
  return isEnded({ ...ended, status: ended["status"] ?? 0 }) ? (ended as unknown as EndedOther) : undefined;
}

function parse(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readIfThere(path) ?? "");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
