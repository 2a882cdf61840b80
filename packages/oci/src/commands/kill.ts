// kill: a signal to the first process of a container, or with --all to every one in its group.
import { existsSync } from "node:fs";
import { codeOf, OciError } from "../failure.ts";
import { killAll, processesOf } from "../group.ts";
import type { OciCommand } from "../program.ts";
import { noteSignal } from "../sent.ts";
import { type Container, isAlive, readContainer, statusOf } from "../state.ts";
import { idOf } from "../words.ts";

const SIGKILL = 9;

export const kill: OciCommand = {
  name: "kill",
  about: "send a signal: TERM without one",
  operands: "ID [SIGNAL]",
  options: { all: "flag", a: { short: "all" } },
  run(words, { root }) {
    const [id = "", word = "SIGTERM", ...more] = words.rest;
    const container = readContainer(root, idOf({ ...words, rest: [...(id === "" ? [] : [id]), ...more] }));
    const signal = signalOf(word);
    if (words.has("all")) signalAll(container, signal);
    else signalFirst(container, signal);
    return 0;
  },
};

function signalFirst(container: Container & { readonly folder: string }, signal: number): void {
  const { init, folder } = container;
  const status = statusOf(container);
  if (init === undefined || status === "stopped" || status === "creating" || !isAlive(container))
    throw new OciError("container not running");
  noteSignal(folder, signal, "contain-oci kill");
  // A pidfd would need koffi, which takes longer than all the rest. Its start time is looked at last: the number may be another process's by now.
  if (!isAlive(container)) throw new OciError("container not running");
  send(init.pid, signal);
}

/** SIGKILL goes to the whole group at once, so that no fork outruns it. */
function signalAll(container: Container & { readonly folder: string }, signal: number): void {
  const { group, init, folder } = container;
  if (isAlive(container)) noteSignal(folder, signal, "contain-oci kill --all");
  if (group === undefined || !existsSync(group)) {
    if (init !== undefined && isAlive(container)) send(init.pid, signal);
    return;
  }
  if (signal === SIGKILL) killAll(group);
  else for (const pid of processesOf(group)) send(pid, signal);
}

function send(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}

/** `9`, `KILL`, `SIGKILL`, `RTMIN+3`. @throws OciError */
function signalOf(word: string): number {
  const name = word.toUpperCase().replace(/^SIG/, "");
  const [, base, sign, offset = "0"] = /^(RTMIN|RTMAX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  const named = (process.getBuiltinModule("node:os").constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  const number = /^\d+$/.test(word)
    ? Number(word)
    : base === undefined
      ? named
      : (base === "RTMIN" ? 34 : 64) + (sign === "-" ? -1 : 1) * Number(offset);
  if (number === undefined || number > 64) throw new OciError(`unknown signal: ${word}`);
  return number;
}
