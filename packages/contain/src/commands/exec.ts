// `contain exec`: a program in a container that runs: the argv of an nsexec that joins its namespaces and is born in its group.
import {
  become,
  exit,
  kill,
  type Options,
  parseCount,
  payload,
  reachedTheGroup,
  shellStatus,
  signalSet,
  steps,
  UsageError,
  withCommon,
} from "@contain-tools/kernel";
import { inside, type NsexecPlan, spawn, watch } from "@contain-tools/nsexec";
import { subcommand } from "../command.ts";
import { callersTerm, checkVariable, type TypedLink } from "../compose.ts";
import { print } from "../print.ts";
import { asTool, scriptOf } from "../run.ts";
import { findContainer, statusOf } from "../state.ts";
import { checkRunning, memberOf, type Running } from "./container.ts";

export const execOptions = withCommon({
  env: { type: "string", alias: "e", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for the program" },
  workdir: { type: "string", alias: "w", valueHint: "DIR", description: "working directory inside (/)" },
  user: { type: "string", alias: "u", valueHint: "UID[:GID]", description: "the ids inside that it runs with (0:0)" },
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
    const argv = compose(given);
    const link = chain.link(argv) as TypedLink<NsexecPlan>;
    if (given.has("print-chain")) {
      return () => {
        print(scriptOf(argv));
        return exit(0);
      };
    }
    return () => runInside(link);
  },
});

/** @throws UsageError when there is no such container, or none that a process can be started in */
function compose(given: Options<ExecOption>): string[] {
  const [word, ...program] = given.rest;
  if (word === undefined || program.length === 0)
    throw new UsageError("which program, in which container?", "contain exec ID [options] [--] PROG [ARG…]");
  const state = checkRunning(findContainer(word));
  if (statusOf(state) === "paused")
    throw new UsageError(
      `${state.id} is paused`,
      `a process born in a frozen group hangs, and takes not even SIGKILL before it is thawed: contain unpause ${state.id}`,
    );
  const { init, group } = state;
  const directory = given.value("workdir");
  if (directory !== undefined && !directory.startsWith("/"))
    throw new UsageError(`--workdir ${directory}: it is a path inside, and starts with /`);
  return [
    ...["nsexec", "--target", `${memberOf(init)}`, "--all"],
    ...(group === undefined ? [] : ["--into-cgroup", group]),
    "--foreground",
    ...(directory === undefined ? [] : ["--wd", directory]),
    ...readUser(given.value("user")),
    ...["--clear-env", ...environment(state, given).flatMap((variable) => ["--env", variable])],
    ...["--", ...program],
  ];
}

function readUser(text: string | undefined): string[] {
  if (text === undefined) return [];
  const [uid = "", gid = "0", more] = text.split(":");
  if (more !== undefined) throw new UsageError(`--user ${text}: it is UID[:GID]`);
  const number = (id: string) => `${parseCount("--user", id, 0, 0xfffffffe)}`;
  return ["--setuid", number(uid), "--setgid", number(gid)];
}

/** What `contain run` gave, with the caller's terminal in place of that of then, and what --env adds. */
function environment({ env }: Running, given: Options<ExecOption>): string[] {
  return [...env.filter((variable) => !variable.startsWith("TERM=")), callersTerm(), ...given.all("env").map(checkVariable)];
}

/** Stays as the program's parent, and ends with its status; by SIGKILL to us the program ends too (nsexec's --kill-child). */
function runInside(link: TypedLink<NsexecPlan>): never {
  const { plan } = link;
  steps.label = "contain";
  payload.launch = { ...payload.launch, ignored: signalSet(), blocked: signalSet() }; // as for `contain run`
  const { pid } = asTool(link, () =>
    spawn(plan, () => {
      inside(plan);
      return become(plan.next);
    }),
  );
  const status = watch({
    pid,
    ownGroup: plan.foreground,
    hadTerminal: plan.hadTerminal,
    stopWithChild: () => true,
    onSignal: (info) => {
      if (plan.foreground || !reachedTheGroup(info.signal, info.code)) kill(pid, info.signal);
    },
  });
  return exit(shellStatus(status));
}
