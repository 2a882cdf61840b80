// `contain exec`: runs a program in a running container, as an nsexec that joins its namespaces and starts in its group.
import { become, type Context, type Link, type Options, readUser, runAs, withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import {
  exit,
  hasEnded,
  kill,
  monotonic,
  O_WRONLY,
  open,
  SIGHUP,
  SIGKILL,
  shellQuote,
  shellStatus,
  signalSet,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";
import { inside, type Plan as NsexecPlan, nsexec, passOn, spawn, watch } from "@contain-tools/nsexec";
import { readEnvFile, readVariable } from "@contain-tools/pivot";
import { findContainer, noteEvent, noteSignal, statusOf } from "@contain-tools/state";
import { keyboard, startRelay } from "@contain-tools/terminal";
import { subcommand } from "../command.ts";
import { type Background, redirect, startInBackground } from "../run/background.ts";
import { joinArgv } from "../run/join.ts";
import { callersTerm, ROOTS_HOME } from "../run/pivotwords.ts";
import { scriptOf } from "../run/script.ts";
import { onceStarted } from "../run/start.ts";
import { checkRunning, openMember, type Running } from "./container.ts";

const execOptions = withCommon({
  env: {
    type: "string",
    alias: "e",
    valueHint: "NAME[=VALUE]",
    repeat: true,
    description: "set a variable for the program; NAME alone: to the caller's value",
  },
  workdir: { type: "string", alias: "w", valueHint: "DIR", description: "working directory inside (/)" },
  user: {
    type: "string",
    alias: "u",
    valueHint: "UID[:GID]",
    description: "the program's user inside, numbers or names (the container's user)",
  },
  "env-file": { type: "string", valueHint: "FILE", repeat: true, description: "the same, a variable a line" },
  interactive: { type: "boolean", alias: "i", description: "accepted: the program always has the caller's standard input" },
  detach: { type: "boolean", alias: "d", description: "leave it running in the background, without input and output" },
  tty: { type: "boolean", alias: "t", description: "give the program a pseudo-terminal of the container's own" },
  "print-chain": { type: "boolean", description: "print what would be run, as a shell script, and run nothing" },
});
type ExecOption = keyof typeof execOptions;

export const exec = subcommand({
  name: "exec",
  description: "Run a program in a container that runs",
  usage: "ID [--] PROG [ARG…]",
  options: execOptions,
  optionsBehind: 1,
  instead: {
    privileged: "nsexec --target $(contain inspect -f '{{.State.Pid}}' ID) --all -- PROG: without the container's confinement",
    "detach-keys": "`contain exec -t` ends with its program",
  },
  plan(given, chain) {
    const { context } = chain;
    const composed = compose(context, given);
    const { argv } = composed;
    const link = chain.link(nsexec, argv);
    if (given.has("print-chain")) {
      return () => {
        print(scriptOf(context, argv));
        return exit(0);
      };
    }
    if (!given.has("detach")) return () => runInside(context, link, composed);
    if (given.has("tty")) throw new UsageError("--detach and --tty exclude each other", "nobody would read the terminal");
    return () =>
      startInBackground(
        context,
        composed.id,
        (background) => runInside(context, link, { ...composed, member: openMember(composed.init).pidfd }, background),
        { quiet: true },
      );
  },
});

interface Composed {
  readonly init: Running["init"];
  readonly id: string;
  /** The container as the user named it. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly program: string;
  /** Milliseconds from a hangup to SIGKILL: the container's grace time. */
  readonly grace: number;
  /** A pidfd of the process that gives access to the namespaces. */
  readonly member: number;
}

/** @throws UsageError if there is no such container, or it is paused or not running */
function compose(context: Context, given: Options<ExecOption>): Composed {
  const [word, ...program] = given.rest;
  if (word === undefined || program.length === 0)
    throw new UsageError(word === undefined ? "missing container" : "missing program", "contain exec ID [options] [--] PROG [ARG…]");
  const state = checkRunning(findContainer(word));
  if (statusOf(state) === "paused")
    throw new UsageError(
      `${state.id} is paused`,
      `a process born in a frozen group hangs, and SIGKILL has no effect before it is thawed: contain unpause ${state.id}`,
    );
  const { init, grace } = state;
  const { pid, pidfd: member } = openMember(init);
  const user = given.value("user") ?? state.user;
  if (user !== undefined) readUser("--user", user);
  const directory = given.value("workdir");
  if (directory !== undefined && !directory.startsWith("/"))
    throw new UsageError(`--workdir ${directory}: must be a path inside that starts with /`);
  const joining = {
    user: given.value("user"),
    directory,
    env: environment(context, state, given),
    job: given.has("tty") ? "--tty" : "--foreground",
  };
  const argv = joinArgv(state, pid, joining, program);
  return { init, id: state.id, name: state.name ?? state.id, argv, program: program.map(shellQuote).join(" "), grace, member };
}

/** The environment of `contain run`, with the present caller's TERM, and --env. HOME is left out for another user. */
function environment(context: Context, { env }: Running, given: Options<ExecOption>): string[] {
  const stays = (variable: string) => !variable.startsWith("TERM=") && !(given.has("user") && variable === ROOTS_HOME);
  const files = given.all("env-file").flatMap((file) => readEnvFile(context, file));
  const wanted = [...files, ...given.all("env").map(readVariable)].flatMap(({ name, value = context.env[name] }) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return [...env.filter(stays), callersTerm(context), ...wanted];
}

/** Stays as the program's parent, and ends with its status. If we are killed the program ends too (nsexec's --kill-child). */
function runInside(
  context: Context,
  link: Link<NsexecPlan>,
  { id, name, program, grace, member }: Composed,
  background?: Background,
): never {
  const plan = { ...link.plan, place: `the container ${name}` };
  context.label = "contain";
  context.launch = { ...context.launch, ignored: signalSet(), blocked: signalSet() }; // as for `contain run`
  const spawned = runAs(context, link, (inner) =>
    spawn(inner, plan, (own) => {
      if (hasEnded(member)) throw new ToolError("the container has ended"); // nsexec may have joined another process that got its PID
      if (background !== undefined) redirect(own, [open("/dev/null", O_WRONLY), open("/dev/null", O_WRONLY)]);
      inside(own, plan);
      return become(own, plan.next);
    }),
  );
  const { pid } = spawned;
  noteEvent(id, `exec_start: ${program}`);
  const relay = plan.tty ? startRelay(spawned, { input: keyboard(context), output: 1 }) : undefined;
  let deadline: number | undefined;
  const status = watch({
    pid,
    ownGroup: plan.foreground,
    hadTerminal: plan.hadTerminal,
    stopWithChild: () => !plan.tty,
    sources: relay?.sources ?? (background === undefined ? [] : [onceStarted(spawned, background.started)]),
    onSignal: (info) => {
      if (relay?.takes(info)) return;
      // A program that ignores the hangup would wait for input forever.
      if (info.signal === SIGHUP && plan.tty) deadline ??= monotonic() + grace;
      passOn(plan, pid, info);
    },
    timeout: () => (deadline === undefined ? undefined : Math.max(0, deadline - monotonic())),
    onTimeout: () => {
      deadline = undefined;
      noteSignal(id, SIGKILL, "contain exec (its terminal was closed, and the grace window is over)", pid);
      kill(pid, SIGKILL);
    },
  });
  relay?.end();
  noteEvent(id, "exec_die", { exitCode: `${shellStatus(status)}` });
  return exit(shellStatus(status));
}
