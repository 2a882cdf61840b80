// Who sends signals and whom the OOM killer chooses, by the kernel's own tracing: a tracefs that is not mounted anywhere, and an instance of it that is removed at the end.
import { type Sender, strangePids, type Traced } from "@contain-tools/explain";
import { close, exists, mkdir, newMount, O_NONBLOCK, O_RDONLY, open, read, readdir, rmdir, writeFile } from "@contain-tools/kernel";

export interface Trace {
  /** Reads its buffer. It wakes nobody, since a busy host sends many signals; the kernel keeps the newest 64 KB of each CPU. */
  readonly take: () => void;
  /** The sender of the last signal of this kind to a process, if it was not the kernel. */
  readonly senderOf: (pid: number, signal: number) => Sender | undefined;
  /** The OOM killer's choice of a process. */
  readonly victimOf: (pid: number) => Traced | undefined;
  readonly close: () => void;
}

const NAME = /^contain-watch-(\d+)$/;
const EVENT = "events/signal/signal_generate";
const VICTIM = "events/oom/mark_victim";
// Signals that end a process and were sent by one: si_code is 0 or less (sigaction(2)).
const FILTER = `code<1&&(${[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 15, 24, 31].map((signal) => `sig==${signal}`).join("||")})`;
const LINE =
  /^\s*(.+)-(\d+)\s+\[\d+\]\s\S+\s+([\d.]+): signal_generate: sig=(\d+) errno=\S+ code=-?\d+ comm=.* pid=(\d+) grp=\d+ res=(\d+)$/;
const MARKED = /^\s*.+-\d+\s+\[\d+\]\s\S+\s+([\d.]+): mark_victim: pid=(\d+)/;
const MOST = 2000; // events that are kept

/** @param heard gets each signal and its target @returns why it cannot be traced, if so */
export function openTrace(heard: (target: number, sender: Sender) => void = () => {}): Trace | string {
  const strange = strangePids();
  if (strange !== undefined) return `tracefs: ${strange}`;
  let mount: number;
  try {
    mount = newMount("tracefs", {}, 0);
  } catch (error) {
    return `tracefs: ${error instanceof Error ? error.message : error}`;
  }
  const top = `/proc/self/fd/${mount}`;
  const instance = `${top}/instances/contain-watch-${process.pid}`;
  let pipe: number;
  try {
    removeLeft(`${top}/instances`);
    mkdir(instance, 0o700);
    writeFile(`${instance}/buffer_size_kb`, "64");
    writeFile(`${instance}/trace_clock`, "mono");
    writeFile(`${instance}/${EVENT}/filter`, FILTER);
    writeFile(`${instance}/${EVENT}/enable`, "1");
    if (exists(`${instance}/${VICTIM}`)) writeFile(`${instance}/${VICTIM}/enable`, "1");
    pipe = open(`${instance}/trace_pipe`, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if (exists(instance)) rmdir(instance);
    close(mount);
    return `tracefs: ${error instanceof Error ? error.message : error}`;
  }
  const last = new Map<string, Sender>();
  const victims = new Map<string, Traced>();
  let rest = "";
  const take = () => {
    rest = readLines(pipe, rest, (line) => {
      const [, seconds, victim] = MARKED.exec(line) ?? [];
      if (victim !== undefined) keep(victims, victim, { at: Number(seconds) * 1000, line: line.trim() });
      const sender = readLine(line);
      if (sender === undefined) return;
      heard(sender.target, sender);
      keep(last, sender.key, sender);
    });
  };
  return {
    take,
    senderOf: (pid, signal) => {
      take();
      return last.get(`${pid} ${signal}`);
    },
    victimOf: (pid) => {
      take();
      return victims.get(`${pid}`);
    },
    close: () => {
      close(pipe);
      rmdir(instance);
      close(mount);
    },
  };
}

function keep<T>(events: Map<string, T>, key: string, event: T): void {
  events.delete(key);
  events.set(key, event);
  for (const [oldest] of events) if (events.size > MOST) events.delete(oldest);
}

/** Instances of killed processes. */
function removeLeft(instances: string): void {
  for (const name of readdir(instances)) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !exists(`/proc/${pid}`)) rmdir(`${instances}/${name}`);
  }
}

const buffer = Buffer.alloc(65_536);

function readLines(fd: number, before: string, line: (text: string) => void): string {
  let rest = before;
  try {
    for (let length = read(fd, buffer); length > 0; length = read(fd, buffer)) rest += buffer.toString("latin1", 0, length);
  } catch {
    // EAGAIN: that was all
  }
  const lines = rest.split("\n");
  for (const text of lines.slice(0, -1)) line(text);
  return lines.at(-1) ?? "";
}

/** A signal that was not ignored. */
function readLine(line: string): (Sender & { readonly key: string; readonly target: number }) | undefined {
  const [, name = "", sender, seconds, signal, pid, result] = LINE.exec(line) ?? [];
  if (sender === undefined || result === "1") return undefined;
  return {
    key: `${pid} ${signal}`,
    target: Number(pid),
    signal: Number(signal),
    pid: Number(sender),
    name: name.trim(),
    at: Number(seconds) * 1000,
    line: line.trim(),
  };
}
