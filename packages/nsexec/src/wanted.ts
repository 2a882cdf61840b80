// The namespaces of a plan: those to make, and those to join.
import type { Options } from "@contain-tools/chain";
import {
  CLONE_NEWNS,
  codeOf,
  exists,
  NAMESPACES,
  type NamespaceKind,
  namespaceTypeOf,
  processExists,
  quote,
  UsageError,
} from "@contain-tools/kernel";
import type { IdMaps } from "./maps.ts";
import type { Name } from "./options.ts";

/** A namespace to make or to join. */
export interface Wanted {
  readonly kind: NamespaceKind;
  /** Where to keep a new one, or which one to join; undefined to join that of --target. */
  readonly file: string | undefined;
}

/** Their CLONE_NEW* bits. */
export function flagsOf(wanted: readonly Wanted[]): number {
  let bits = 0;
  for (const { kind } of wanted) bits |= kind.flag;
  return bits;
}

export const joinsMounts = ({ joined }: { readonly joined: readonly Wanted[] }) => (flagsOf(joined) & CLONE_NEWNS) !== 0;

/** What to make and what to join. With --target everything is joined. @throws UsageError */
export function readWanted(
  given: Options<Name>,
  target: number | undefined,
  maps: IdMaps,
): { readonly wanted: readonly Wanted[]; readonly joined: readonly Wanted[] } {
  const joined = given.all("join").map(readJoin);
  for (const { kind } of joined) {
    if (joined.filter((other) => other.kind === kind).length > 1) throw new UsageError(`--join ${kind.name}: it was given twice`);
    if (given.has(kind.name)) throw new UsageError(`--${kind.name} and --join ${kind.name} exclude each other: make one, or join one`);
  }
  const isJoined = (name: string) => joined.some(({ kind }) => kind.name === name);
  const implied = target === undefined ? impliedBy(given, maps, isJoined) : new Set<string>();
  const isAsked = ({ name }: NamespaceKind) =>
    given.has(name) || implied.has(name) || (given.has("all") && (target !== undefined || name !== "user"));
  const wanted = NAMESPACES.filter((kind) => isAsked(kind) && !isJoined(kind.name)).map((kind) => ({ kind, file: given.value(kind.name) }));
  if (target !== undefined) {
    checkTarget(target, given);
    if (wanted.length === 0 && !given.has("net-socket"))
      throw new UsageError(`-t ${target}: missing namespaces`, "-m -u -i -n -p -U -C -T, or -a for all");
  }
  for (const { file, kind } of wanted) {
    if (file !== undefined && !exists(file)) {
      throw new UsageError(
        `--${kind.name}=${file}: no such file`,
        target === undefined ? `a namespace is kept by a bind mount, which needs an existing file: touch ${quote(file)}` : undefined,
      );
    }
  }
  return target === undefined ? { wanted, joined } : { wanted: [], joined: wanted };
}

/** Kinds that other options need. A host name may be set in a joined UTS namespace; the others require a new one. */
function impliedBy(given: Options<Name>, maps: IdMaps, isJoined: (name: string) => boolean): Set<string> {
  const implied = new Set<string>();
  const needs = (name: string, option: string, isNeeded: boolean) => {
    if (!isNeeded) return;
    if (isJoined(name)) throw new UsageError(`${option} is for a new ${name} namespace, and --join ${name} joins one`);
    implied.add(name);
  };
  needs("mount", "--mount-proc", given.has("mount-proc"));
  if ((given.has("hostname") || given.has("domainname")) && !isJoined("uts")) implied.add("uts");
  needs("net", "--pasta", given.has("pasta"));
  needs("time", "--monotonic and --boottime: an offset", given.has("monotonic") || given.has("boottime"));
  needs("user", "a map of ids", maps.user.length > 0 || maps.group.length > 0);
  return implied;
}

const FORM = "KIND=FILE: mount, uts, ipc, net, pid, user, cgroup or time, and a file such as /proc/PID/ns/net or /run/netns/NAME";

function readJoin(text: string): Wanted {
  const at = text.indexOf("=");
  const kind = NAMESPACES.find(({ name }) => name === text.slice(0, at));
  const file = text.slice(at + 1);
  if (at === -1 || kind === undefined || file === "") throw new UsageError(`--join ${quote(text)}: not KIND=FILE`, FORM);
  const type = typeOf(file);
  if (type !== kind.flag) {
    const other = NAMESPACES.find(({ flag }) => flag === type);
    throw new UsageError(
      `--join ${text}: ${other === undefined ? "it is not a namespace" : `it is a namespace of the kind ${other.name}`}`,
      FORM,
    );
  }
  return { kind, file };
}

function typeOf(file: string): number | undefined {
  try {
    return namespaceTypeOf(file);
  } catch (error) {
    const hint = "a namespace lives as long as a process is in it, or a bind mount keeps it; those of other users' processes are for root";
    throw new UsageError(`--join ${file}: cannot be opened: ${codeOf(error)}`, hint, 125, { cause: error });
  }
}

function checkTarget(target: number, given: Options<Name>): void {
  const creating = (
    [
      "monotonic",
      "boottime",
      "mount-proc",
      "propagation",
      "setgroups",
      "map-auto",
      "map-root-user",
      "map-user",
      "shift",
      "lock",
      "pasta",
    ] as const
  ).find((name) => given.has(name));
  if (creating !== undefined) throw new UsageError(`--${creating} is for new namespaces, --target joins those of PID ${target}`);
  if (given.has("join"))
    throw new UsageError(
      "--target and --join exclude each other",
      "-t PID --net=FILE joins the namespace of FILE in addition to those of PID",
    );
  if (!processExists(target)) throw new UsageError(`no such process: -t ${target}`, "PIDs are those of this PID namespace");
}
