// prestart and createRuntime hooks: run in the runtime's own namespaces while the container's first process waits. All signals are blocked
// by then, so that the runtime's own child processes would not do: these are forked as the links of a chain are.
import { closeSync, writeSync } from "node:fs";
import { execProgram, payload, variables } from "@contain-tools/chain";
import {
  clone3,
  dup2,
  endSignal,
  kill,
  monotonic,
  POLLIN,
  pidfdOpen,
  pipe,
  pollOnce,
  readNow,
  SIGKILL,
  setNonBlocking,
  shellStatus,
  signalSet,
  waitpid,
} from "@contain-tools/kernel";
import { OciError } from "./failure.ts";
import type { Hook, Hooks } from "./spec/spec.ts";

/** @throws OciError for the first one that fails */
export function runCreateHooks(hooks: Hooks, state: Readonly<Record<string, unknown>>): void {
  for (const kind of ["prestart", "createRuntime"] as const) {
    for (const [at, hook] of (hooks[kind] ?? []).entries()) {
      const why = run(hook, JSON.stringify(state));
      if (why !== undefined) throw new OciError(`error running ${kind} hook #${at}: ${hook.path}: ${why}`);
    }
  }
}

/** Returns why it failed; undefined when it did not. */
function run({ path, args = [path], env = [], timeout }: Hook, state: string): string | undefined {
  const input = pipe();
  const errors = pipe();
  const pid = clone3({ flags: 0 }, () => {
    dup2(input.read, 0);
    dup2(errors.write, 1);
    dup2(errors.write, 2);
    payload.preserveFds = 0;
    payload.launch = { ...payload.launch, closed: [], ignored: signalSet(), blocked: signalSet() };
    payload.env = variables(Object.fromEntries(env.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)])));
    return execProgram(args, path);
  });
  closeSync(input.read);
  closeSync(errors.write);
  try {
    writeSync(input.write, state);
  } catch {
    // EPIPE: it does not want to know
  }
  closeSync(input.write);
  const inTime = waitFor(pid, timeout);
  const status = waitpid(pid, 0)?.status ?? 0;
  const said = readSome(errors.read);
  closeSync(errors.read);
  if (!inTime) return `it took longer than ${timeout} s`;
  if (status === 0) return undefined;
  const signal = endSignal(status);
  return `${signal === 0 ? `exit status ${shellStatus(status)}` : `signal ${signal}`}: ${said.trim()}`;
}

/** False for one that had to be killed. @param timeout in seconds */
function waitFor(pid: number, timeout: number | undefined): boolean {
  const deadline = timeout ? monotonic() + timeout * 1000 : undefined;
  const pidfd = pidfdOpen(pid);
  let inTime = true;
  while (inTime && !pollOnce(pidfd, POLLIN, deadline === undefined ? -1 : Math.max(0, deadline - monotonic())))
    inTime = deadline === undefined || monotonic() < deadline;
  closeSync(pidfd);
  if (!inTime) kill(pid, SIGKILL);
  return inTime;
}

/** What it said last; at most what a pipe holds. */
function readSome(fd: number): string {
  setNonBlocking(fd);
  const chunk = Buffer.alloc(4096);
  return chunk.toString("utf8", 0, readNow(fd, chunk) ?? 0);
}
