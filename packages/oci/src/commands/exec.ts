// exec: another program in a running container.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Context } from "@contain-tools/chain";
import { shellStatus, signalSet } from "@contain-tools/kernel";
import { nsexec } from "@contain-tools/nsexec";
import { composeExec, type Leave } from "../compose/chain.ts";
import { lineOf } from "../compose/script.ts";
import { OciError } from "../failure.ts";
import { launch, waitAndForward } from "../launch.ts";
import { print } from "../output.ts";
import type { OciCommand } from "../program.ts";
import { readProcess } from "../spec/check.ts";
import type { Process, Spec } from "../spec/spec.ts";
import { readContainer, statusOf, writeWhole } from "../state.ts";
import { planOf } from "../tools.ts";
import { traceTo } from "../tracelog.ts";
import type { Words } from "../words.ts";
import { keepDescriptors } from "./create.ts";

export const exec = (context: Context): OciCommand => ({
  name: "exec",
  about: "run a program in a container",
  operands: "ID PROG [ARG…]",
  options: {
    process: "value",
    p: { short: "process" },
    detach: "flag",
    d: { short: "detach" },
    tty: "flag",
    t: { short: "tty" },
    cwd: "value",
    env: "value",
    e: { short: "env" },
    user: "value",
    u: { short: "user" },
    "additional-gids": "value",
    g: { short: "additional-gids" },
    cap: "value",
    c: { short: "cap" },
    apparmor: "value",
    "process-label": "value",
    "no-new-privs": "flag",
    cgroup: "value",
    "ignore-paused": "flag",
    "pid-file": "value",
    "console-socket": "value",
    "preserve-fds": "value",
    "print-chain": "flag",
  },
  program: true,
  failure: 255,
  run(words, { root, log }) {
    const [id = "", ...program] = words.rest;
    if (id === "") throw new OciError("missing container ID");
    const container = readContainer(root, id);
    const status = statusOf(container);
    if (status === "paused")
      throw new OciError(
        `cannot exec in a paused container: a process born in a frozen group hangs${words.has("ignore-paused") ? ", also with --ignore-paused" : ""}`,
      );
    if (status !== "running" && status !== "created") throw new OciError(`cannot exec in a stopped container: ${id} is ${status}`);
    const spec = JSON.parse(readFileSync(`${container.folder}/config.json`, "utf8")) as Spec;
    const process_ = processOf(words, spec, program);
    const leave = leaveOf(words, process_);
    keepDescriptors(context, words.value("preserve-fds"));
    const group = groupOf(container.group, words.value("cgroup"));
    const argv = composeExec(process_, { id, spec, folder: container.folder, pid: container.init?.pid ?? 0, group, leave });
    if (words.has("print-chain")) {
      print(`${lineOf(argv)}\n`);
      return 0;
    }
    traceTo(context, log, container.annotations);
    return execute(context, argv, process_, words.value("pid-file"));
  },
});

/** The group is the container's, or one below it. */
function groupOf(group: string | undefined, below: string | undefined): string | undefined {
  if (below === undefined || group === undefined) return group;
  const path = below.replace(/^:/, "");
  if (path.split("/").includes("..")) throw new OciError(`--cgroup ${below}: it leads up`);
  return resolve(group, `./${path}`);
}

function leaveOf(words: Words, { terminal }: Process): Leave | undefined {
  const consoleSocket = words.value("console-socket");
  const pidFile = words.value("pid-file");
  if (consoleSocket !== undefined && !terminal) throw new OciError("--console-socket: there is no terminal to send");
  if (!words.has("detach") && consoleSocket === undefined) return undefined;
  if (terminal && consoleSocket === undefined)
    throw new OciError("--detach with a terminal: --console-socket is missing: somebody has to hold the terminal");
  return { pidFile: pidFile === undefined ? undefined : resolve(pidFile), consoleSocket };
}

/** The process of --process, or the container's own with the changes from the words. */
function processOf(words: Words, spec: Spec, program: readonly string[]): Process {
  const file = words.value("process");
  if (file !== undefined) {
    const { value } = readProcess(resolve(file));
    return { ...value, terminal: (value.terminal ?? false) || words.has("tty") };
  }
  if (program.length === 0) throw new OciError("missing program: exec [options] ID PROG [ARG…], or --process FILE");
  const { oomScoreAdj: _, ...own } = spec.process;
  const caps = words.all("cap").flatMap((text) => text.split(","));
  const sets = own.capabilities ?? {};
  const more = (set: readonly string[] | undefined) => [...new Set([...(set ?? []), ...caps])];
  return {
    ...own,
    args: program,
    terminal: words.has("tty"),
    cwd: words.value("cwd") ?? own.cwd,
    env: [...(own.env ?? []), ...words.all("env")],
    user: { ...own.user, ...userOf(words.value("user")), ...gidsOf(words.all("additional-gids"), own) },
    ...(words.has("no-new-privs") ? { noNewPrivileges: true } : {}),
    ...(words.has("apparmor") ? { apparmorProfile: words.value("apparmor") ?? "" } : {}),
    ...(words.has("process-label") ? { selinuxLabel: words.value("process-label") ?? "" } : {}),
    capabilities: { ...sets, bounding: more(sets.bounding), effective: more(sets.effective), permitted: more(sets.permitted) },
  };
}

function userOf(text: string | undefined): { uid?: number; gid?: number } {
  if (text === undefined) return {};
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (uid === undefined) throw new OciError(`--user ${text}: must be UID[:GID], in numbers`);
  return { uid: Number(uid), gid: Number(gid ?? 0) };
}

const gidsOf = (gids: readonly string[], { user }: Process) =>
  gids.length === 0 ? { additionalGids: user?.additionalGids ?? [] } : { additionalGids: gids.map(Number) };

/** Returns the program's status, or 0 if it is left behind. */
function execute(context: Context, argv: readonly string[], { args }: Process, pidFile: string | undefined): number {
  context.launch = { ...context.launch, ignored: signalSet(), blocked: signalSet() };
  const link = planOf(context, nsexec, argv);
  const { plan } = link;
  const spawned = launch(context, link, args[0] ?? "", () => {});
  if (plan.leave !== undefined) return 0;
  if (pidFile !== undefined) writeWhole(pidFile, `${spawned.pid}`);
  return shellStatus(waitAndForward(context, spawned, plan));
}
