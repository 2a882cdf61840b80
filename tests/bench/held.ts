// Containers that stay until they are asked to end.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { statusField } from "../helpers/proc.ts";
import type { How, Peer } from "./peers.ts";
import { environment } from "./times.ts";

/** Says that it is there, and ends at SIGTERM as PID 1 too, which the kernel shields from signals that it has no handler for. The init
 * of bubblewrap waits for the rest as well, so there is none. */
const PROGRAM = ["/bin/sh", "-c", "trap 'kill $!; exit 0' TERM; echo up; sleep 1000 & wait"];

export interface Held {
  readonly supervisor: ChildProcess;
  readonly id: string;
  /** Resolves to the exit status of the supervisor, or the signal's name. */
  readonly ended: Promise<number | string>;
}

const living = new Set<Held>();

/** Starts a container and waits until its program runs. */
export async function hold(peer: Peer, id: string, how: How = {}): Promise<Held> {
  const [program = "", ...words] = peer.run(PROGRAM, id, how);
  const supervisor = spawn(program, words, { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | string>((resolve, reject) => {
    supervisor.once("error", reject);
    supervisor.once("exit", (status, signal) => resolve(status ?? signal ?? -1));
  });
  const { stdout } = supervisor;
  await Promise.race([
    new Promise((resolve) => stdout?.once("data", resolve)),
    ended.then((status) => {
      throw new Error(`${peer.name}: the container ended with ${status} before its program ran`);
    }),
  ]);
  const held = { supervisor, id, ended };
  living.add(held);
  ended.finally(() => living.delete(held));
  return held;
}

/** A process of a container: where it stands, and its PID here. */
export interface Process {
  readonly pid: number;
  readonly role: "supervisor" | "init" | "program";
  /** PID 1 inside. */
  readonly first: boolean;
}

/** The supervisor and all below it, those nearest to it first. */
export function processesOf({ supervisor }: Held): Process[] {
  return below(supervisor.pid ?? 0).map((pid) => {
    const pids = statusField(pid, "NSpid").split(/\s+/);
    const isProgram = readlinkSync(`/proc/${pid}/exe`).endsWith("busybox");
    return { pid, role: pids.length === 1 ? "supervisor" : isProgram ? "program" : "init", first: pids.length > 1 && pids.at(-1) === "1" };
  });
}

/** PID 1 of it, as it is called here. */
export function firstOf(held: Held): number {
  const first = processesOf(held).find(({ first }) => first);
  if (first === undefined) throw new Error(`${held.id}: no PID 1 in it`);
  return first.pid;
}

/** Asks the program itself to end. @returns the status of the supervisor */
export function finish(held: Held): Promise<number | string> {
  const program = processesOf(held).find(({ role }) => role === "program");
  if (program !== undefined) process.kill(program.pid, "SIGTERM");
  return held.ended;
}

/** Kills whatever is left; for a bench that failed. */
export function killAll(): void {
  for (const held of living) for (const { pid } of processesOf(held)) process.kill(pid, "SIGKILL");
}

function below(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/children`, "latin1").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(below)];
}
