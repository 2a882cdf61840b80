// `contain top`: the processes of a container, with their PIDs on the host and inside.
import { withCommon } from "@contain-tools/chain";
import { columns, formatTime, print } from "@contain-tools/explain";
import {
  childrenOf,
  commandOf,
  exit,
  groupProcesses,
  printable,
  procDirectory,
  readIfThere,
  statFields,
  statusField,
  UsageError,
} from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { type Running, readRunning } from "./container.ts";

const HEAD = ["PID", "INSIDE", "PPID", "UID", "STATE", "THREADS", "CPU TIME", "COMMAND"];
const TICK = 10; // milliseconds of the kernel's USER_HZ, in which proc_pid_stat(5) counts

const COLUMNS_STAY = "the columns are always the same; `contain exec ID ps` takes options of ps";

export const top = subcommand({
  name: "top",
  description: "List the processes of a container, with their PIDs on the host and inside",
  usage: "ID",
  options: withCommon({}),
  instead: { o: COLUMNS_STAY, e: COLUMNS_STAY },
  plan(given) {
    const [, psOption] = given.rest;
    if (psOption !== undefined) throw new UsageError(`unexpected argument: ${psOption}`, COLUMNS_STAY);
    const container = readRunning(given.rest);
    return () => {
      const rows = processesOf(container).flatMap((pid) => describe(pid) ?? []);
      print(`${columns([HEAD, ...rows]).join("\n")}\n`);
      return exit(0);
    };
  },
});

/** Those of its group; without one, PID 1 and all below it. */
function processesOf({ group, init }: Running): number[] {
  return group === undefined ? [init.pid, ...below(init.pid)] : groupProcesses(group);
}

const below = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...below(child)]);

function describe(pid: number): [string[]] | undefined {
  const status = readIfThere(`${procDirectory(pid)}/status`);
  const stat = readIfThere(`${procDirectory(pid)}/stat`);
  if (status === undefined || stat === undefined) return undefined; // it has ended
  const field = (name: string) => statusField(status, name)?.split(/\s+/) ?? [];
  const fields = statFields(stat);
  const ppid = fields[1] ?? "?";
  const ticks = Number(fields[11]) + Number(fields[12]); // utime and stime
  const words = readIfThere(`${procDirectory(pid)}/cmdline`)
    ?.split("\0")
    .join(" ")
    .trim();
  const command = printable(words || `[${commandOf(pid)}]`);
  return [
    [
      `${pid}`,
      field("NSpid").at(-1) ?? "?",
      ppid,
      field("Uid")[1] ?? "?",
      field("State")[0] ?? "?",
      field("Threads")[0] ?? "?",
      formatTime(ticks * TICK),
      command,
    ],
  ];
}
