// `contain exec`: runs a program in a running container, as an nsexec that joins its namespaces and starts in its group.
import { become, type Context, type Link, type Options, readUser, runAs, withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { exit, hasEnded, kill, monotonic, SIGHUP, SIGKILL, shellStatus, signalSet, ToolError, UsageError } from "@contain-tools/kernel";
import { inside, type Plan as NsexecPlan, nsexec, passOn, spawn, watch } from "@contain-tools/nsexec";
import { findContainer, noteSignal, statusOf } from "@contain-tools/state";
import { keyboard, startRelay } from "@contain-tools/terminal";
import { subcommand } from "../command.ts";
import { keyringWords } from "../run/argv.ts";
import { callersTerm, checkVariable, ROOTS_HOME } from "../run/pivotwords.ts";
import { scriptOf } from "../run/script.ts";
import { checkRunning, openMember, type Running } from "./container.ts";

export const execOptions = withCommon({
  env: { type: "string", alias: "e", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for the program" },
  workdir: { type: "string", alias: "w", valueHint: "DIR", description: "working directory inside (/)" },
  user: {
    type: "string",
    alias: "u",
    valueHint: "UID[:GID]",
    description: "who the program is inside, numbers or names (who the container's is)",
  },
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
    return () => runInside(context, link, composed);
  },
});

interface Composed {
  readonly id: string;
  /** What the user calls the container. */
  readonly name: string;
  readonly argv: readonly string[];
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
  const { init, group, grace } = state;
  const { pid, pidfd: member } = openMember(init);
  const confine = confinedAs(state.confine, given.value("user"));
  const user = given.value("user") ?? state.user;
  if (user !== undefined) readUser("--user", user);
  const directory = given.value("workdir");
  if (directory !== undefined && !directory.startsWith("/"))
    throw new UsageError(`--workdir ${directory}: must be a path inside that starts with /`);
  const argv = [
    ...["nsexec", "--target", `${pid}`, "--all"],
    ...(group === undefined ? [] : ["--into-cgroup", group]),
    given.has("tty") ? "--tty" : "--foreground",
    ...(directory === undefined ? [] : ["--wdns", directory]),
    ...keyringWords(state.id),
    ...(user === undefined || confine.includes("--user") ? [] : ["--as", user]),
    ...["--clear-env", ...environment(context, state, given).flatMap((variable) => ["--env", variable])],
    ...["--", ...confine, ...program],
  ];
  return { id: state.id, name: state.name ?? state.id, argv, grace, member };
}

/** The container's own confine. It changes the user last, since an unprivileged user cannot lower the bounding set. */
function confinedAs(words: readonly string[], user: string | undefined): readonly string[] {
  if (words.length === 0 || user === undefined) return words;
  const at = words.indexOf("--user");
  const others = at === -1 ? words : words.toSpliced(at, 2);
  return [...others.slice(0, -1), "--user", user, "--"];
}

/** The environment of `contain run`, with the present caller's TERM, and --env. HOME is left out for another user. */
function environment(context: Context, { env }: Running, given: Options<ExecOption>): string[] {
  const stays = (variable: string) => !variable.startsWith("TERM=") && !(given.has("user") && variable === ROOTS_HOME);
  return [...env.filter(stays), callersTerm(context), ...given.all("env").map(checkVariable)];
}

/** Stays as the program's parent, and ends with its status. If we are killed the program ends too (nsexec's --kill-child). */
function runInside(context: Context, link: Link<NsexecPlan>, { id, name, grace, member }: Composed): never {
  const plan = { ...link.plan, place: `the container ${name}` };
  context.label = "contain";
  context.launch = { ...context.launch, ignored: signalSet(), blocked: signalSet() }; // as for `contain run`
  const spawned = runAs(context, link, (inner) =>
    spawn(inner, plan, (own) => {
      if (hasEnded(member)) throw new ToolError("the container has ended"); // nsexec may have joined another process that got its PID
      inside(own, plan);
      return become(own, plan.next);
    }),
  );
  const { pid } = spawned;
  const relay = plan.tty ? startRelay(spawned, { input: keyboard(context), output: 1 }) : undefined;
  let deadline: number | undefined;
  const status = watch({
    pid,
    ownGroup: plan.foreground,
    hadTerminal: plan.hadTerminal,
    stopWithChild: () => !plan.tty,
    ...(relay === undefined ? {} : { sources: relay.sources }),
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
  return exit(shellStatus(status));
}
