// The flight recorder of `contain run --record FILE`: events of the supervisor and samples of the group's files, with times.
import {
  close,
  commandOf,
  join,
  open,
  POLLIN,
  readIfThere,
  SI_QUEUE,
  type SignalInfo,
  type Source,
  signalName,
  takeTicks,
  timerfd,
  uname,
} from "@contain-tools/kernel";
import { type Note, noteReader } from "./notes.ts";
import { openRecordFile, type RecordFile } from "./recordfile.ts";
import { fieldsOf, type Missing, openSampler, readAgain, type Sampler } from "./recordsample.ts";

/** Milliseconds from sample to sample. */
const INTERVAL = 250;

/** Fields of the first line, besides `missing`. Not the environment: it may hold secrets. */
interface Recorded {
  readonly id: string;
  readonly name: string | undefined;
  readonly argv: readonly string[];
  readonly limits: string;
  readonly group: string | undefined;
  /** The version of contain. */
  readonly contain: string;
}

export interface Recorder {
  /**
   * Writes the first line. The group must exist; `notes`: signals of other commands since its last call; `joined`: the container ran before, and has counted
   * already. Returns the descriptors to poll while the container runs.
   */
  readonly begin: (container: Recorded, notes: () => readonly Note[], joined?: boolean) => Source[];
  /** `started`, `paused`, `resumed`, `exited`, `failed`, with details. */
  readonly state: (state: string, more?: Readonly<Record<string, unknown>>) => void;
  /** A signal to the supervisor, and the signal that was passed on; undefined if the container got it directly. */
  readonly signal: (info: SignalInfo, forwarded: number | undefined) => void;
  /** Our own SIGKILL. */
  readonly killed: (why: string) => void;
  /** The last sample, before the group is removed. */
  readonly last: () => void;
  readonly close: () => void;
}

/** @throws ToolError if FILE cannot be opened; nothing has been started */
export function openRecorder(path: string, preserveFds: number): Recorder {
  const file = openRecordFile(path, preserveFds);
  const watches: Watched[] = [];
  let sampler: Sampler | undefined;
  let timer = -1;
  let readNotes = () => {};
  const sample = () => {
    if (sampler !== undefined) file.write({ event: "sample", ...sampler.take() });
  };
  return {
    begin: ({ id, name, argv, limits, group, contain }, notes, joined = false) => {
      if (group !== undefined) sampler = openSampler(group);
      const missing = [
        ...(sampler?.missing ?? [{ what: "the group's files", why: "there is no writable cgroup v2" }]),
        joined ? BEFORE : ORPHANS,
      ];
      readNotes = noteReader(notes, file);
      const { nodename: host, release: kernel } = uname();
      file.write({ event: "start", version: 1, id, name, argv, limits, group, host, kernel, contain, interval: INTERVAL, missing });
      timer = timerfd(INTERVAL);
      const clock: Source = { fd: timer, wants: () => POLLIN, ready: () => tick(timer, watches, sample, readNotes) };
      if (group === undefined) return [clock];
      sample();
      watches.push(...[watchOom(group, file, joined), watchFreezer(group, file)].filter((watch) => watch !== undefined));
      for (const { look } of watches) look();
      return [clock, ...watches.map(({ source }) => source)];
    },
    state: (state, more = {}) => file.write({ event: "state", state, ...more }),
    signal: (info, forwarded) => file.write(describeSignal(info, forwarded)),
    killed: (why) => file.write({ event: "kill", signal: "SIGKILL", why }),
    last: () => {
      for (const { look } of watches) look();
      readNotes();
      sample();
    },
    close: () => {
      for (const { source } of watches) close(source.fd);
      if (timer !== -1) close(timer);
      sampler?.close();
      file.close();
    },
  };
}

const BEFORE: Missing = {
  what: "what was before",
  why: "the recording began when the container ran; counters are from the making of its group on",
};
const ORPHANS: Missing = { what: "reaped orphans", why: "PID 1 reaps them inside the container and reports them to nobody" };

function tick(timer: number, watches: readonly Watched[], sample: () => void, readNotes: () => void): void {
  takeTicks(timer);
  for (const watch of watches) watch.wakes = 0;
  readNotes();
  sample();
}

function describeSignal({ signal, code, pid }: SignalInfo, forwarded: number | undefined) {
  const sent = code === 0 || code === SI_QUEUE || code === -6; // SI_USER, SI_QUEUE, SI_TKILL: si_pid is the sender (sigaction(2))
  const comm = sent && pid > 0 ? commandOf(pid) : undefined;
  const from = sent && pid > 0 ? { pid, comm } : sent ? "outside of this PID namespace" : "the kernel";
  return { event: "signal", signal: signalName(signal), from, forwarded: forwarded === undefined ? null : signalName(forwarded) };
}

interface Watched {
  readonly source: Source;
  readonly look: () => void;
  /** Wake-ups since the last sample. */
  wakes: number;
}

const POLLPRI = 2;
const MOST_WAKES = 5; // per sample: a group at its limit increments `max` up to a hundred times a second

/** Calls `change` with a file's fields after each change: the kernel wakes poll(2) (cgroups(7), "cgroup.events"). @param joined the counters are not at 0 */
function watch(
  path: string,
  keys: readonly string[],
  change: (now: Record<string, number>, before: Record<string, number>) => void,
  joined = false,
) {
  let fd: number;
  let before: Record<string, number>;
  try {
    fd = open(path);
    before = joined ? fieldsOf(readAgain(fd), keys) : {};
  } catch {
    return undefined; // reported as missing
  }
  let gone = false;
  const look = () => {
    try {
      const now = fieldsOf(readAgain(fd), keys);
      if (keys.some((key) => (now[key] ?? 0) !== (before[key] ?? 0))) change(now, before);
      before = now;
    } catch {
      gone = true; // ENODEV: the group is removed
    }
  };
  const ready = () => {
    watched.wakes++;
    look();
  };
  const wants = () => (gone || watched.wakes >= MOST_WAKES ? undefined : POLLPRI);
  const watched: Watched = { source: { fd, wants, ready }, look, wakes: 0 };
  return watched;
}

function watchOom(group: string, file: RecordFile, joined: boolean): Watched | undefined {
  const change = (now: Record<string, number>, before: Record<string, number>) => {
    const memory = (name: string) => Number(readIfThere(join(group, name)) ?? Number.NaN);
    const grown = Object.fromEntries(Object.keys(now).map((key) => [key, (now[key] ?? 0) - (before[key] ?? 0)]));
    file.write({ event: "oom", ...grown, "memory.current": memory("memory.current"), "memory.peak": memory("memory.peak") });
  };
  return watch(join(group, "memory.events"), ["oom", "oom_kill", "oom_group_kill"], change, joined);
}

function watchFreezer(group: string, file: RecordFile): Watched | undefined {
  return watch(join(group, "cgroup.events"), ["frozen"], ({ frozen }) =>
    file.write({ event: "state", state: frozen === 1 ? "paused" : "resumed" }),
  );
}
