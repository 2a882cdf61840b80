// The lines of `contain list`: our containers, and those of engines.
import { columns, formatBytes, formatTime, type Paint, paintTable, readLimit, readPids, styleOfStatus } from "@contain-tools/explain";
import { shellQuote } from "@contain-tools/kernel";
import { endedOthers, engineContainers } from "@contain-tools/state";

interface Usage {
  readonly memory: number | undefined;
  readonly memoryLimit: number | undefined;
  readonly pids: number | undefined;
  readonly pidsLimit: number | undefined;
}

export interface Row extends Usage {
  readonly id: string;
  readonly name: string | undefined;
  readonly pid: number | undefined;
  readonly command: readonly string[];
  readonly status: string;
  /** With --health-cmd. */
  readonly health?: string | undefined;
  /** By --restart. */
  readonly restarts?: number | undefined;
  readonly supervisorStopped?: true | undefined;
  /** The status it ended with. */
  readonly exit: number | undefined;
  /** Milliseconds. */
  readonly age: number;
}

export function usageOf(group: string | undefined): Usage {
  const number = (file: string) => (group === undefined ? undefined : readLimit(group, file));
  return {
    memory: number("memory.current"),
    memoryLimit: number("memory.max"),
    pids: group === undefined ? undefined : readPids(group),
    pidsLimit: number("pids.max"),
  };
}

/** What contain-oci runs, followed by what is remembered of ended ones. */
export function engineRows() {
  const now = Date.now();
  const running = engineContainers().map(({ id, name, init, argv, group, status, created, root }) => {
    const pid = status === "stopped" ? undefined : init?.pid;
    const age = Math.max(0, now - created) || 0;
    return { id, name, pid, command: argv, status, exit: undefined, created: timeOf(created), age, root, ...usageOf(group) };
  });
  const gone = endedOthers()
    .filter(({ id }) => !running.some((one) => one.id === id))
    .map(({ id, name, argv, status, at, by }) => ({
      ...{ id, name, pid: undefined, command: argv, status: "exited", exit: status, ended: timeOf(at), by },
      ...{ age: Math.max(0, now - at), ...usageOf(undefined) },
    }));
  return [...running, ...gone];
}

/** ISO 8601; undefined if somebody has edited the file and there is no time. */
function timeOf(milliseconds: number): string | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

const HEAD = ["ID", "NAME", "PID", "STATUS", "STARTED", "MEMORY", "PIDS", "COMMAND"];

export function tableOf(rows: readonly Row[], paint: Paint): string {
  const lines = rows.map((r) => [
    r.id.slice(0, ID),
    r.name ?? "-",
    r.pid === undefined ? "-" : `${r.pid}`,
    `${r.status}${r.health === undefined ? "" : ` (${r.health})`}${r.exit === undefined ? "" : ` (${r.exit})`}${r.restarts ? `, ${r.restarts} restart${r.restarts === 1 ? "" : "s"}` : ""}${r.supervisorStopped ? " (supervisor stopped)" : ""}`,
    `${formatTime(r.age)} ago`,
    r.memory === undefined ? "-" : `${formatBytes(r.memory)}/${r.memoryLimit === undefined ? "max" : formatBytes(r.memoryLimit)}`,
    r.pids === undefined ? "-" : `${r.pids}${r.pidsLimit === undefined ? "" : `/${r.pidsLimit}`}`,
    r.command.map(shellQuote).join(" "),
  ]);
  return columns(
    [HEAD, ...lines],
    paintTable(HEAD, paint, (name, cell) => (name === "STATUS" ? styleOfStatus(cell) : undefined)),
  )
    .map((line) => `${line}\n`)
    .join("");
}

const ID = 12; // letters of an id: engines' ids have 64
