// `contain watch`: follows other programs' containers and units, and says why each ended.
import { warn, withCommon } from "@contain-tools/chain";
import { findTarget, printed, verdictLines } from "@contain-tools/explain";
import {
  exists,
  exit,
  groupProcesses,
  jsonText,
  requireOwnProc,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGTERM,
  ToolError,
  takeAllSignals,
  UsageError,
  waitForSignalOr,
} from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { openRecording, type Recording } from "../watch/recording.ts";
import { openTrace, type Trace } from "../watch/trace.ts";
import { type Listener, openWatch, type Watch, type Watched } from "../watch/watch.ts";

const watchOptions = withCommon({
  json: { type: "boolean", description: "one JSON object a line: watching, memory, ended" },
  record: { type: "string", valueHint: "FILE", description: "record the one that is named there, for `contain report`" },
});

export const watchCommand = subcommand({
  name: "watch",
  description: "Follow containers of podman, docker, containerd and units of systemd, and say why each ended",
  usage: "[PID|ID|GROUP…]",
  options: watchOptions,
  plan(given, { context }) {
    if (process.geteuid?.() !== 0)
      throw new UsageError("contain watch needs root", "only root may see how the processes of other users end");
    const words = given.rest;
    const json = given.has("json");
    const record = given.value("record");
    if (record !== undefined && words.length !== 1)
      throw new UsageError("--record needs one that is named", "contain watch --record FILE ID; a file has the record of one container");
    return () => {
      requireOwnProc();
      const pids = words.map(processOf);
      takeAllSignals();
      const recording = record === undefined ? undefined : openRecording(record, context.preserveFds);
      const trace = openTrace(recording?.heard);
      const signals = typeof trace === "string" ? undefined : trace;
      let readers = true;
      const tell = (text: string) => {
        readers &&= printed(text);
      };
      const told = json ? inJson(tell) : inText(tell, context.verbose);
      const watch = openWatch(signals, recording === undefined ? told : recorded(told, recording, signals));
      let status = 0;
      try {
        if (typeof trace === "string") warn(`who sends a signal is not known: ${trace}`);
        for (const [at, pid] of pids.entries())
          if (!watch.follow(pid)) throw new ToolError(`${words[at]}: PID ${pid} has ended`, "contain explain ID shows what is remembered");
        if (pids.length === 0) watch.followAll();
        if (!json) warn(`${watch.size()} followed; Ctrl-C ends this`);
        status = serve(watch, pids.length > 0, () => readers);
      } finally {
        watch.close();
        recording?.close();
      }
      return exit(status);
    };
  },
});

/** Until all named ones have ended, or a signal comes. */
function serve(watch: Watch, named: boolean, hasReaders: () => boolean): number {
  const over = () => (named && watch.size() === 0) || !hasReaders();
  while (!over()) {
    const signal = waitForSignalOr(watch.sources, undefined, over)?.signal;
    if (signal === SIGINT) return 0;
    if (signal !== undefined && ENDS.includes(signal)) return 128 + signal;
  }
  return 0;
}

function recorded(told: Listener, recording: Recording, trace: Trace | undefined): Listener {
  return {
    ...told,
    following: (one) => recording.following(one, trace),
    ended: (one, end) => {
      recording.ended(end);
      told.ended(one, end);
    },
  };
}

const ENDS = [SIGTERM, SIGHUP, SIGQUIT];

/** A group given as a directory, or anything that `contain explain` takes. @throws UsageError */
function processOf(word: string): number {
  if (!word.startsWith("/")) return findTarget(word);
  if (!exists(`${word}/cgroup.procs`)) throw new UsageError(`${word} is not a group`, "a directory of the cgroup2 file system");
  const pid = groupProcesses(word)[0];
  if (!pid)
    throw new UsageError(`${word}: there is no process in it`, "without arguments every container is followed, also one that starts later");
  return pid;
}

const labelOf = ({ engine, id, name, pid }: Watched) => `${engine} ${name === undefined ? id : `${name} (${id.slice(0, 12)})`}, PID ${pid}`;
const now = () => new Date().toISOString().slice(11, 19);

function inText(tell: (text: string) => void, verbose: boolean): Listener {
  const oom = /^oom_kill (\d+)$/m;
  return {
    watching: (one) => verbose && tell(`${now()} ${labelOf(one)}: followed: ${one.argv.join(" ")}\n`),
    memory: (one, text) => {
      const [, kills = "0"] = oom.exec(text) ?? [];
      if (kills !== "0") tell(`${now()} ${labelOf(one)}: the OOM killer has taken ${kills} of it (memory.events oom_kill)\n`);
    },
    ended: (one, { reason, verdict }) =>
      tell([`${now()} ${labelOf(one)} ended: ${reason}`, ...verdictLines(verdict)].map((line) => `${line}\n`).join("")),
  };
}

function inJson(tell: (text: string) => void): Listener {
  const line = (event: string, one: Watched, more: object = {}) =>
    tell(`${jsonText({ event, at: new Date().toISOString(), ...one, ...more })}\n`);
  return {
    watching: (one) => line("watching", one),
    memory: (one, text) =>
      line("memory", one, {
        events: Object.fromEntries([...text.matchAll(/^(\w+) (\d+)$/gm)].map(([, key, count]) => [key, Number(count)])),
      }),
    ended: (one, end) => line("ended", one, end),
  };
}
