// Follows other programs' containers until they end.
import { warn } from "@contain-tools/chain";
import { engineNameOf, type OtherEnd, type OtherWitness, ownerOf, witnessOther } from "@contain-tools/explain";
import {
  cgroupOf,
  findHierarchy,
  groupDirectory,
  groupProcesses,
  type Hierarchy,
  POLLIN,
  procDirectory,
  readIfThere,
  type Source,
  setTimer,
  ToolError,
  takeTicks,
  timerfd,
} from "@contain-tools/kernel";
import { engineContainers, rememberOther } from "@contain-tools/state";
import type { Trace } from "./trace.ts";
import { watchTree } from "./tree.ts";

export interface Watched extends Pick<OtherWitness, "pid" | "group"> {
  readonly argv: readonly string[];
  readonly id: string;
  readonly engine: string;
  readonly name: string | undefined;
}

export interface Listener {
  /** At once, also of the next process of a container; what it executes may change yet. Returns what is to be polled. */
  readonly following?: ((one: Watched) => readonly Source[]) | undefined;
  readonly watching: (one: Watched) => void;
  /** The present memory.events. */
  readonly memory: (one: Watched, text: string) => void;
  readonly ended: (one: Watched, end: OtherEnd) => void;
}

export interface Watch {
  readonly sources: Source[];
  /** How many are followed. */
  readonly size: () => number;
  /** Follows a process. False if it has ended. */
  readonly follow: (pid: number) => boolean;
  /** Follows every container and unit, including those that start later. */
  readonly followAll: () => void;
  readonly close: () => void;
}

const SETTLED = 300; // milliseconds after which a runtime has usually become the program
const LOOK = 10_000; // milliseconds between looks, for what no event reports

export function openWatch(trace: Trace | undefined, listener: Listener): Watch {
  const sources: Source[] = [];
  const followed = new Map<string, OtherWitness>();
  const clock = timerfd(LOOK);
  let young: (() => void)[] = [];
  let recent: OtherWitness[] = [];
  let prune = () => {};
  sources.push({
    fd: clock,
    wants: () => POLLIN,
    ready: () => {
      takeTicks(clock);
      setTimer(clock, LOOK);
      for (const tell of young) tell();
      for (const witness of recent) witness.refresh();
      recent = [];
      prune();
      trace?.take();
    },
  });
  const hierarchy = hierarchyOf();
  let again = (_: string) => {};
  const start = (pid: number, id: string, engine: string, group: string | undefined): boolean => {
    if (followed.has(id)) return true;
    const name = engineNameOf(pid, id);
    const describe = (): Watched => ({ id, engine, name: name ?? engineNameOf(pid, id), pid, argv: witness?.refresh() ?? [], group });
    const tell = () => {
      young = young.filter((other) => other !== tell);
      listener.watching(describe());
    };
    const witness = witnessOther(pid, group, {
      memory: (text) => listener.memory(describe(), text),
      ended: (end) => {
        if (witness === undefined) return;
        const next = id.startsWith(ONE) || group === undefined ? undefined : successor(group, pid);
        const isStep = next !== undefined && end.status === 0; // during a start: runc's first process makes another one, which is the container
        if (isStep) young = young.filter((other) => other !== tell);
        else if (young.includes(tell)) tell();
        const one = describe();
        for (const source of witness.sources) sources.splice(sources.indexOf(source), 1);
        followed.delete(id);
        if (!isStep) remember(one, end);
        if (!isStep) listener.ended(one, end);
        witness.close();
        if (next !== undefined) start(next, id, engine, group);
        else if (group !== undefined) again(group);
      },
      senderOf: (target, signal) => trace?.senderOf(target, signal),
      victimOf: (target) => trace?.victimOf(target),
    });
    if (witness === undefined) return false;
    followed.set(id, witness);
    recent.push(witness);
    sources.push(...witness.sources);
    young.push(tell);
    sources.push(...(listener.following?.(describe()) ?? []));
    setTimer(clock, SETTLED);
    return true;
  };
  return {
    sources,
    size: () => followed.size,
    follow: (pid) => {
      const path = pathOf(pid);
      const owner = path === undefined ? undefined : ownerOf(`0::${path}`);
      const group = hierarchy === undefined || path === undefined || path === "/" ? undefined : groupDirectory(hierarchy, path);
      const other = owner === undefined ? engineContainers().find(({ init }) => init?.pid === pid) : undefined; // its group has any name
      if (other !== undefined) return start(pid, other.id, "contain-oci", group);
      return start(pid, owner === undefined ? `${ONE}${pid}` : owner.id, owner?.engine ?? "process", group);
    },
    followAll: () => {
      if (hierarchy === undefined)
        throw new ToolError("no cgroup2 file system is mounted", "contain watch PID follows one process without it");
      const top = hierarchy.mountPoint;
      const ownerOfGroup = (dir: string) => {
        const owner = ownerOf(`0::${dir.slice(top.length)}`);
        return owner?.engine === "contain" ? undefined : owner; // its supervisor does that
      };
      const tree = watchTree(
        top,
        (dir) => ownerOfGroup(dir) !== undefined,
        sources,
        (dir, pid) => {
          const owner = ownerOfGroup(dir);
          if (owner !== undefined) start(pid, owner.id, owner.engine, dir);
        },
      );
      again = tree.again;
      prune = tree.prune;
      sources.push(...tree.sources);
    },
    close: () => {
      for (const witness of followed.values()) witness.close();
      trace?.close();
    },
  };
}

const ONE = "pid-"; // the id of a process that is in no container

/** Another process in a group, preferably an init. */
function successor(group: string, ended: number): number | undefined {
  const others = groupProcesses(group).filter((pid) => pid !== 0 && pid !== ended);
  return others.find((pid) => /^NSpid:.*\t1$/m.test(readIfThere(`${procDirectory(pid)}/status`) ?? "")) ?? others[0];
}

function hierarchyOf(): Hierarchy | undefined {
  try {
    return findHierarchy();
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

function pathOf(pid: number): string | undefined {
  try {
    return cgroupOf(pid);
  } catch {
    return undefined; // it has ended
  }
}

/** If it cannot be written, a line says so; the printed verdict is the same. */
function remember({ id, name, pid, argv }: Watched, { status, reason, told, verdict }: OtherEnd): void {
  try {
    rememberOther({ id, name, pid, argv, status, reason, told, verdict, at: Date.now(), by: "contain watch" });
  } catch (error) {
    warn(`the end of ${id} is not remembered: ${error instanceof Error ? error.message : error}`);
  }
}
