// Follows another program's process and its group from outside until it ends; then the verdict is made as for our own containers.
import type { Finding } from "@contain-tools/chain";
import {
  close,
  endSignal,
  exists,
  monotonic,
  POLLIN,
  pidfdOpen,
  pidfdStatus,
  pread,
  procDirectory,
  readIfThere,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGTERM,
  type Source,
  shellStatus,
  statFields,
} from "@contain-tools/kernel";
import { readAncestors, readChainAgain, readLevel } from "../verdict/chain.ts";
import { describeStatus } from "../verdict/outcome.ts";
import { openPolled } from "../verdict/polled.ts";
import { findProgram } from "../verdict/program.ts";
import { type Refusal, watchRefusals } from "../verdict/refusal.ts";
import { readVmstat } from "../verdict/vmstat.ts";
import { lookAtZombie, type Zombie } from "../verdict/zombie.ts";
import { judgeOthers, type KnownEnd, type Sender, type Traced } from "./judge.ts";
import { caseOf, describeEnd } from "./noted.ts";

export interface OtherEnd {
  /** As a shell reports it in $?; undefined if it is not known. */
  readonly status: number | undefined;
  readonly reason: string;
  readonly told: KnownEnd["told"];
  readonly verdict: readonly Finding[];
}

export interface OtherWitness {
  readonly pid: number;
  readonly group: string | undefined;
  readonly sources: readonly Source[];
  /** Checks again what it executes: a runtime becomes the program. Returns its command line. */
  readonly refresh: () => readonly string[];
  readonly close: () => void;
}

export interface Heard {
  /** memory.events has grown. */
  readonly memory: (text: string) => void;
  readonly ended: (end: OtherEnd) => void;
  /** Who sent a signal to this process, if that is traced. */
  readonly senderOf: (pid: number, signal: number) => Sender | undefined;
  /** Whether the OOM killer chose this process, if that is traced. */
  readonly victimOf: (pid: number) => Traced | undefined;
}

const POLLPRI = 2;

/** Starts to follow a process; undefined if it has ended already. */
export function witnessOther(pid: number, group: string | undefined, heard: Heard): OtherWitness | undefined {
  let program = findProgram({ pid, group, init: false, indirect: false });
  const started = fieldsOf(pid)[19];
  let pidfd: number;
  try {
    pidfd = pidfdOpen(pid);
  } catch {
    return undefined;
  }
  if (program === undefined || program.status === "" || started === undefined) {
    close(pidfd);
    return undefined;
  }
  let argv: readonly string[] = [];
  const refresh = () => {
    const words = (readIfThere(`${procDirectory(pid)}/cmdline`) ?? "").split("\0").slice(0, -1);
    if (words.length === 0 || words.join("\0") === argv.join("\0")) return argv;
    argv = words;
    program = findProgram({ pid, group, init: false, indirect: false }) ?? program;
    return argv;
  };
  refresh();
  const counts = group !== undefined && exists(`${group}/memory.events`);
  const [own, before] = group === undefined ? [undefined, []] : [readLevel(group), readAncestors(group)];
  const machine = counts ? undefined : readVmstat();
  const since = monotonic() * 1000;
  let refusal: Refusal | undefined;
  let over = false;
  const judge = (): OtherEnd => {
    const { zombie, ...known } = endOf(pid, started, pidfd);
    const sender = senderIn((signal) => after(since, heard.senderOf(pid, signal)), known.status);
    const end = { ...known, sender, victim: after(since, heard.victimOf(pid)) };
    const chain = { own, before, after: group === undefined ? [] : readChainAgain(group, before, own) };
    const c = caseOf({ program: program as NonNullable<typeof program>, group, chain, machine, since, argv, path: undefined });
    const verdict = judgeOthers({ ...c, seen: { ...c.seen, refusal, zombie } }, end);
    const status = known.status === undefined ? undefined : shellStatus(known.status);
    return { status, reason: describeEnd(end), told: end.told, verdict };
  };
  const end: Source = {
    fd: pidfd,
    wants: () => (over ? undefined : POLLIN),
    ready: () => {
      over = true;
      heard.ended(judge());
    },
  };
  const refusals =
    group === undefined
      ? undefined
      : watchRefusals(group, (one) => {
          refusal = one;
        });
  const memory = counts ? watchFile(`${group}/memory.events`, heard.memory) : undefined;
  const sources = [end, ...[refusals, memory].flatMap((source) => (source === undefined ? [] : [untilGone(source)]))];
  return { pid, group, sources, refresh, close: () => closeAll(sources) };
}

function closeAll(sources: readonly Source[]): void {
  for (const { fd } of sources) close(fd);
}

/** The file of a removed group wakes poll(2) for ever, and reads ENODEV. */
function untilGone(source: Source): Source {
  let gone = false;
  return {
    fd: source.fd,
    wants: () => (gone ? undefined : source.wants()),
    ready: (events) => {
      try {
        source.ready(events);
      } catch {
        gone = true;
      }
    },
  };
}

/** The kernel wakes poll(2) at each change of such a file (cgroup-v2.rst). */
function watchFile(path: string, changed: (text: string) => void): Source | undefined {
  const buffer = Buffer.alloc(512);
  const { fd, length } = openPolled(path, buffer) ?? {};
  if (fd === undefined) return undefined;
  let last = buffer.toString("latin1", 0, length);
  return {
    fd,
    wants: () => POLLPRI,
    ready: () => {
      const text = buffer.toString("latin1", 0, pread(fd, buffer, 0));
      if (text !== last) changed(text);
      last = text;
    },
  };
}

const ASKS = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];
const LONG_AGO = 60_000; // milliseconds: an earlier signal had another purpose

/** The sender of the signal that ended it, or of one after which it may have exited. */
function senderIn(senderOf: (signal: number) => Sender | undefined, status: number | undefined): Sender | undefined {
  if (status === undefined) return undefined;
  const signal = endSignal(status);
  if (signal !== 0) return senderOf(signal);
  const asked = ASKS.flatMap((one) => senderOf(one) ?? []).filter(({ at }) => monotonic() - at < LONG_AGO);
  return asked.sort((a, b) => b.at - a.at)[0];
}

/** An earlier one may have been for another process with this PID. @param since microseconds */
const after = <T extends Traced>(since: number, event: T | undefined) =>
  event !== undefined && event.at * 1000 >= since ? event : undefined;

const fieldsOf = (pid: number) => statFields(readIfThere(`${procDirectory(pid)}/stat`) ?? "");

/** As its zombie shows it or, since Linux 6.15, its pidfd, if its parent reaped it first. */
function endOf(pid: number, started: string, pidfd: number): KnownEnd & { readonly zombie: (() => Zombie) | undefined } {
  const look = lookAtZombie(pid);
  const fields = fieldsOf(pid);
  const isZombie = fields[0] === "Z" && fields[19] === started;
  const zombie = isZombie ? look : undefined;
  const status = isZombie ? Number(fields[49]) : pidfdStatus(pidfd);
  const source = isZombie ? `/proc/${pid}/stat exit_code` : "ioctl(pidfd, PIDFD_GET_INFO)";
  const rule = isZombie ? "proc_pid_stat(5), wait(2)" : "linux/pidfd.h PIDFD_INFO_EXIT";
  if (status !== undefined) return { status, zombie, told: { source, value: describeStatus(status), rule } };
  return {
    status,
    zombie,
    told: { source, value: undefined, problem: "its parent has waited for it, and this kernel is older than 6.15", rule },
  };
}
