// create: everything but the program itself, which waits for `start`.
import { existsSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { act, cgset } from "@contain-tools/cgset";
import { type Context, runAs } from "@contain-tools/chain";
import { findHierarchy, groupDirectory, makeFifo, signalSet } from "@contain-tools/kernel";
import { nsexec, type Spawned } from "@contain-tools/nsexec";
import { type Composed, compose, type Leave, type Request } from "../compose/chain.ts";
import { possibleAmbient } from "../compose/process.ts";
import { scriptOf } from "../compose/script.ts";
import { enterRoot } from "../ended.ts";
import { OciError } from "../failure.ts";
import { processesOf, removeGroup } from "../group.ts";
import { launch } from "../launch.ts";
import { writeLog } from "../log.ts";
import { engineOf, NOTED, noteStart } from "../noted.ts";
import { print } from "../output.ts";
import type { Globals, OciCommand } from "../program.ts";
import { runForked } from "../runtimehooks.ts";
import { readSpec } from "../spec/check.ts";
import type { Spec } from "../spec/spec.ts";
import { type Container, claim, FIFO, folderOf, forget, identify, stateOf, writeContainer, writeWhole } from "../state.ts";
import { type NsexecPlan, planOf } from "../tools.ts";
import { traceTo } from "../tracelog.ts";
import { idOf, type Table, type Words } from "../words.ts";

export const CREATE_OPTIONS = {
  bundle: "value",
  b: { short: "bundle" },
  "pid-file": "value",
  "console-socket": "value",
  "preserve-fds": "value",
  "no-pivot": "flag",
  "no-new-keyring": "flag",
  "print-chain": "flag",
} as const satisfies Table;

export const create = (context: Context): OciCommand => ({
  name: "create",
  about: "make a container, whose program waits for start",
  options: CREATE_OPTIONS,
  run(words, globals) {
    const request = readRequest(context, words, globals, !words.has("print-chain"));
    if (words.has("print-chain")) return printChain(context, request, globals);
    makeContainer(context, request, globals);
    return 0;
  },
});

/** Words and config.json become a plan. Nothing is changed. @throws OciError */
export function readRequest(context: Context, words: Words, { cgroups, log }: Globals, leaves: boolean): Request {
  const id = idOf(words);
  folderOf("/", id);
  if (words.has("no-pivot")) throw new OciError("--no-pivot is not needed: pivot itself detects where pivot_root(2) cannot work");
  const bundle = resolve(words.value("bundle") ?? ".");
  const { value: spec, unknown } = readSpec(bundle);
  if (unknown.length > 0)
    writeLog(log, "warning", `config.json: ignored, since the specification does not know them: ${unknown.join(", ")}`);
  const ambient = (spec.process.capabilities?.ambient ?? []).filter((name) => !possibleAmbient(spec.process).includes(name));
  if (ambient.length > 0)
    writeLog(log, "info", `process.capabilities.ambient: left out, since they are not inheritable or not permitted: ${ambient.join(", ")}`);
  const leave = leaves ? leaveOf(words, spec) : undefined;
  keepDescriptors(context, words.value("preserve-fds"));
  return { id, bundle, spec, cgroups, keyring: !words.has("no-new-keyring"), leave };
}

function leaveOf(words: Words, { process }: Spec): Leave {
  const consoleSocket = words.value("console-socket");
  if (process.terminal && consoleSocket === undefined)
    throw new OciError("process.terminal: --console-socket is missing: somebody has to hold the terminal");
  if (!process.terminal && consoleSocket !== undefined)
    throw new OciError("--console-socket: process.terminal is false, so there is no terminal to send");
  const pidFile = words.value("pid-file");
  return { pidFile: pidFile === undefined ? undefined : resolve(pidFile), consoleSocket };
}

/** Descriptors 3 to 2+N stay open for the program. */
export function keepDescriptors(context: Context, text: string | undefined): void {
  if (text === undefined) return;
  if (!/^\d{1,3}$/.test(text)) throw new OciError(`--preserve-fds ${text}: must be a number`);
  context.preserveFds = Number(text);
  context.passed = Array.from({ length: Number(text) }, (_, at) => 3 + at).filter((fd) => existsSync(`/proc/self/fd/${fd}`));
}

export function printChain(context: Context, request: Request, { root }: Globals): number {
  const folder = folderOf(root, request.id);
  print(scriptOf(compose({ ...request, leave: undefined }, folder), folder, context.launch.bin));
  return 0;
}

interface Made {
  readonly container: Container;
  readonly folder: string;
  readonly spawned: Spawned;
  readonly plan: NsexecPlan;
}

/** @throws OciError, UsageError, ToolError; nothing is left behind then */
export function makeContainer(context: Context, request: Request, { root, log }: Globals): Made {
  const { id, bundle, spec } = request;
  const composed = compose(request, folderOf(root, id));
  checkRootfs(composed.rootfs);
  const hierarchy = composed.group === undefined ? undefined : findHierarchy();
  const group = composed.group === undefined || hierarchy === undefined ? undefined : groupDirectory(hierarchy, composed.group);
  const folder = claim(root, id);
  enterRoot(root);
  checkUnused(group, folder);
  const base = {
    ociVersion: spec.ociVersion,
    id,
    bundle,
    rootfs: composed.rootfs,
    annotations: spec.annotations ?? {},
    hooks: spec.hooks ?? {},
    ...engineOf(id, spec),
  };
  let container: Container = { ...base, created: new Date().toISOString(), group, init: undefined, complete: false };
  let restore = () => {};
  try {
    writeFiles(folder, composed, spec);
    context.launch = { ...context.launch, ignored: signalSet(), blocked: signalSet() };
    traceTo(context, log, spec.annotations);
    const link = planOf(context, nsexec, composed.container);
    writeContainer(folder, container);
    if (composed.makeGroup.length > 0) {
      const make = planOf(context, cgset, composed.makeGroup);
      ({ restore } = runAs(context, make, (inner) => act(inner, make.plan, hierarchy)));
    }
    const noted = noteStart(group, spec);
    const spawned = launch(context, link, spec.process.args[0] ?? "", (pid) => {
      container = { ...container, init: identify(pid) };
      writeContainer(folder, container); // before it goes on: whatever happens to us, `delete` knows it
      for (const kind of ["prestart", "createRuntime"] as const)
        runForked(context)(kind, spec.hooks?.[kind] ?? [], stateOf(container, "creating"));
    });
    writeFileSync(`${folder}/${NOTED}`, JSON.stringify({ ...noted, pid: container.init?.pid }), { mode: 0o600 });
    container = { ...container, complete: true };
    writeContainer(folder, container);
    return { container, folder, spawned, plan: link.plan };
  } catch (error) {
    undo(container, folder, restore, (text) => writeLog(log, "warning", text));
    throw error;
  }
}

/** Others in the group would end with the container. */
function checkUnused(group: string | undefined, folder: string): void {
  const there = group === undefined ? [] : processesOf(group);
  if (there.length === 0) return;
  forget(folder);
  throw new OciError(`linux.cgroupsPath: ${group} already has other processes in it: PID ${there.join(", ")}`);
}

function checkRootfs(rootfs: string): void {
  const stat = statSync(rootfs, { throwIfNoEntry: false });
  if (stat === undefined) throw new OciError(`root.path: ${rootfs}: it does not exist`);
  if (!stat.isDirectory()) throw new OciError(`root.path: ${rootfs}: it is not a directory`);
}

function writeFiles(folder: string, { files }: Composed, spec: Spec): void {
  makeFifo(`${folder}/${FIFO}`, 0o600);
  writeWhole(`${folder}/config.json`, JSON.stringify(spec));
  for (const { name, text } of files) writeFileSync(`${folder}/${name}`, text, { mode: 0o600 });
}

function undo({ group }: Container, folder: string, restore: () => void, tell: (text: string) => void): void {
  try {
    if (group !== undefined) removeGroup(group);
    restore();
    forget(folder);
  } catch (error) {
    tell(`not everything was removed: ${error instanceof Error ? error.message : error}; contain-oci delete --force removes the rest`);
  }
}
