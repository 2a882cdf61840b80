// Hooks: programs that run beside a chain at a certain point of it, with the container's state on standard input (OCI runtime-spec, "POSIX-platform Hooks").
import {
  close,
  dup2,
  endSignal,
  fstat,
  getpid,
  jsonText,
  kill,
  memfd,
  monotonic,
  POLLIN,
  pidfdOpen,
  pollOnce,
  pread,
  prepareFork,
  pwrite,
  quote,
  SIGKILL,
  setTracer,
  shellStatus,
  ToolError,
  UsageError,
  waitpid,
} from "@contain-tools/kernel";
import { type Context, forHelper, variables } from "./context.ts";
import { execProgram } from "./exec.ts";
import { readGiven } from "./given.ts";
import { fork, sayStep } from "./report.ts";

export interface Hook {
  readonly path: string;
  /** argv with the program's name first; only `path` if missing. */
  readonly args?: readonly string[];
  /** NAME=VALUE: the whole environment. */
  readonly env?: readonly string[];
  /** In seconds; after that it is killed. */
  readonly timeout?: number;
}

export interface Hooks {
  readonly hooks: readonly Hook[];
  readonly state: Readonly<Record<string, unknown>>;
}

/**
 * `KIND=FILE`, the value of --hook: FILE has `{"hooks": [{"path", "args", "env", "timeout"}], "state": {…}}`. It is read now, while paths
 * are the caller's.
 *
 * @throws UsageError
 */
export function readHooks(context: Context, text: string, kind: string): Hooks {
  const bad = (why: string) =>
    new UsageError(`--hook ${text}: ${why}`, `${kind}=FILE, with {"hooks": [{"path": …}], "state": {…}} in FILE`);
  if (!text.startsWith(`${kind}=`)) throw bad(`must be ${kind}=FILE`);
  prepareFork();
  let value: Partial<Hooks> | null;
  try {
    value = JSON.parse(readGiven(context, "--hook", text.slice(kind.length + 1)).toString());
  } catch (error) {
    throw error instanceof UsageError ? error : bad("not JSON");
  }
  const { hooks, state } = value ?? {};
  if (!Array.isArray(hooks) || typeof state !== "object" || state === null) throw bad("hooks or state is missing");
  const wrong = hooks.find((hook: Partial<Hook> | null) => !isHook(hook));
  if (wrong !== undefined) throw bad(`not a hook: ${jsonText(wrong)}`);
  return { hooks, state };
}

const areTexts = (value: unknown) => value === undefined || (Array.isArray(value) && value.every((word) => typeof word === "string"));

function isHook(hook: Partial<Hook> | null): boolean {
  const { path, args, env, timeout } = hook ?? {};
  return typeof path === "string" && path.startsWith("/") && areTexts(args) && areTexts(env) && (timeout === undefined || timeout > 0);
}

/** Runs hooks one after the other; the `pid` in their state is this process. @throws ToolError for the first that fails */
export function runHooks(context: Context, kind: string, { hooks, state }: Hooks): void {
  for (const hook of hooks) {
    sayStep(context, `running ${kind} hook: ${hook.path}`);
    const why = runHook(context, hook, JSON.stringify({ ...state, pid: getpid() }));
    if (why !== undefined) throw new ToolError(`${kind} hook ${quote(hook.path)}: ${why}`);
  }
}

/** Runs a program and waits for it. Returns why it failed, with the end of its output; undefined if it succeeded. */
export function runHook(context: Context, { path, args = [path], env = [], timeout }: Hook, input: string): string | undefined {
  const [stdin, output] = [memfd("state"), memfd("output")]; // files, because nobody has to read them in time
  pwrite(stdin, Buffer.from(input), 0);
  const helper = { ...forHelper(context), limits: [], lastStep: undefined, consoleSocket: undefined, env: variablesOf(env) };
  const pid = fork({ ...helper, failurePipe: undefined }, { flags: 0 }, (own) => {
    dup2(stdin, 0);
    dup2(output, 1);
    dup2(output, 2);
    setTracer({ fd: 2 });
    return execProgram(own, args, { file: path });
  });
  const inTime = waitFor(pid, timeout);
  const status = waitpid(pid, 0)?.status ?? 0;
  const said = lastOf(output).trim().replaceAll("\n", "; ");
  close(stdin);
  close(output);
  if (!inTime) return `it took longer than ${timeout} s, and was killed`;
  if (status === 0) return undefined;
  const signal = endSignal(status);
  return `${signal === 0 ? `exit status ${shellStatus(status)}` : `signal ${signal}`}${said === "" ? "" : `: ${said}`}`;
}

const variablesOf = (env: readonly string[]) =>
  variables(Object.fromEntries(env.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)])));

/** False if it had to be killed. @param timeout in seconds */
function waitFor(pid: number, timeout: number | undefined): boolean {
  const deadline = timeout === undefined ? undefined : monotonic() + timeout * 1000;
  const left = () => (deadline === undefined ? -1 : Math.min(0x7fffffff, Math.max(0, Math.ceil(deadline - monotonic()))));
  const pidfd = pidfdOpen(pid);
  let ended = false;
  do ended = pollOnce(pidfd, POLLIN, left());
  while (!ended && left() !== 0);
  close(pidfd);
  if (!ended) kill(pid, SIGKILL);
  return ended;
}

const SHOWN = 4096; // bytes

function lastOf(fd: number): string {
  const { size } = fstat(fd);
  const bytes = Buffer.alloc(Math.min(size, SHOWN));
  return bytes.toString("utf8", 0, pread(fd, bytes, size - bytes.length));
}
