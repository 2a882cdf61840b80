// How the first process of a container ended. Its parent, conmon or a containerd-shim, waits for it. We read the status from a zombie that
// nobody has waited for yet, or from the file that conmon writes. When podman calls `delete` it has removed that file, but not when it
// calls `state` before.
import { readFileSync, statSync } from "node:fs";
import { statFields, textOf } from "./read.ts";
import { type Container, writeWhole } from "./state.ts";

/** What explain's `KnownEnd` has. */
export interface End {
  readonly status: number | undefined;
  readonly either?: number;
  readonly told: { readonly source: string; readonly value: string | undefined; readonly problem?: string; readonly rule: string };
}

type Kept = Container & { readonly folder: string };

const FILE = "end.json";

export function endOf(container: Kept): End {
  return noted(container) ?? nowOf(container) ?? NOT_KNOWN;
}

const nowOf = (container: Kept): End | undefined => fromZombie(container) ?? fromConmon(container);

/** For a stopped container: keeps what can be known now. */
export function noteEnd(container: Kept): void {
  const end = noted(container) === undefined ? nowOf(container) : undefined;
  if (end !== undefined) keep(container.folder, end);
}

/** For `contain-oci run`, which is its parent. @param status its wait status */
export function noteWaited(folder: string, status: number): void {
  keep(folder, { status, told: { source: "waitpid(2)", value: describe(status), rule: "wait(2) WIFEXITED, WIFSIGNALED" } });
}

function keep(folder: string, end: End): void {
  try {
    writeWhole(`${folder}/${FILE}`, JSON.stringify(end));
  } catch {
    // the container is being deleted, or its folder is full
  }
}

function noted({ folder }: Kept): End | undefined {
  try {
    return JSON.parse(textOf(`${folder}/${FILE}`)) as End;
  } catch {
    return undefined;
  }
}

const NOT_KNOWN: End = {
  status: undefined,
  told: {
    source: "/proc/PID/stat exit_code",
    value: undefined,
    problem: "its parent has waited for it",
    rule: "wait(2): only the parent learns the status",
  },
};

function fromZombie({ init }: Container): End | undefined {
  if (init === undefined) return undefined;
  const fields = statFields(init.pid);
  if (fields[0] !== "Z" || fields[19] !== init.started) return undefined;
  const status = Number(fields[49]); // also 0 if we may not read it (proc_pid_stat(5)), which root always may
  const source = `/proc/${init.pid}/stat exit_code`;
  return { status, told: { source, value: describe(status), rule: "proc_pid_stat(5), wait(2)" } };
}

/** An exit status in which signal n is 128+n (conmon's ctr_exit.c). */
function fromConmon({ exitFile, created }: Container): End | undefined {
  if (exitFile === undefined) return undefined;
  let text: string;
  try {
    if (statSync(exitFile).mtimeMs < Date.parse(created)) return undefined; // of an earlier life
    text = readFileSync(exitFile, "latin1").trim();
  } catch {
    return undefined;
  }
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const told = { source: exitFile, value: text, rule: "conmon(8) --exit-dir: the exit status, or 128+n for signal n" };
  const isEither = Number(text) > 128 && Number(text) <= 128 + 64;
  return isEither ? { status: undefined, either: Number(text), told } : { status: Number(text) << 8, told };
}

const describe = (status: number): string => (status & 127 ? `killed by signal ${status & 127}` : `exit status ${status >> 8}`);
