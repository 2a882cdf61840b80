// `contain watch --record`: the flight recorder of one container that others have started.
import type { OtherEnd, Sender } from "@contain-tools/explain";
import { monotonic, readIfThere, type Source } from "@contain-tools/kernel";
import { type Note, openRecorder } from "@contain-tools/record";
import manifest from "../../package.json" with { type: "json" };
import type { Trace } from "./trace.ts";
import type { Watched } from "./watch.ts";

export interface Recording {
  /** A signal to any process. */
  readonly heard: (target: number, sender: Sender) => void;
  /** It is followed from now on, or another process of the same container is. Returns what is to be polled. */
  readonly following: (one: Watched, trace: Trace | undefined) => readonly Source[];
  readonly ended: (end: OtherEnd) => void;
  readonly close: () => void;
}

/** @throws ToolError if FILE cannot be opened */
export function openRecording(path: string, preserveFds: number): Recording {
  const recorder = openRecorder(path, preserveFds);
  const notes: Note[] = [];
  let pid: number | undefined;
  return {
    heard: (target, { signal, pid: from, name, at }) => {
      if (target === pid)
        notes.push({ signal, command: name, pid: from, target, to: `PID ${target}`, at: Date.now() - (monotonic() - at) });
    },
    following: (one, trace) => {
      const isFirst = pid === undefined;
      pid = one.pid;
      if (!isFirst) return [];
      const taken = () => {
        trace?.take();
        return notes.splice(0); // a busy program gets many
      };
      return recorder.begin({ ...one, limits: limitsOf(one.group), contain: manifest.version }, taken, true);
    },
    ended: ({ status, reason, verdict }) => {
      recorder.last();
      recorder.state("exited", { status, reason, verdict });
    },
    close: () => recorder.close(),
  };
}

const LIMITS = ["memory.max", "memory.high", "cpu.max", "pids.max"];

function limitsOf(group: string | undefined): string {
  const set = LIMITS.flatMap((name) => {
    const text = group === undefined ? undefined : readIfThere(`${group}/${name}`)?.trim();
    return text === undefined || text.startsWith("max") ? [] : [`${name} ${text}`];
  });
  return set.join(", ");
}
