// Turns a configuration into the argvs of the tools. Nothing is changed.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { jsonWithLargeNumbers } from "@contain-tools/confine";
import { OciError } from "../failure.ts";
import { HOOK_KINDS, type HookKind, type Process, type Spec } from "../spec/spec.ts";
import { groupOf } from "./cgroupspath.ts";
import { namespaceWords } from "./namespaces.ts";
import { processWords, type Rails } from "./process.ts";
import { limitWords, resourceWords } from "./resources.ts";
import { rootWords } from "./root.ts";

export interface Request {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  readonly spec: Spec;
  readonly cgroups: "cgroupfs" | "systemd" | "disabled";
  readonly keyring: boolean;
  /** How it is left behind; undefined for a container that we stay the parent of. */
  readonly leave: Leave | undefined;
}

export interface Leave {
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
}

/** A file that a tool reads. */
interface ChainFile {
  readonly name: string;
  readonly text: string;
}

export interface Composed {
  /** undefined without a group. */
  readonly group: string | undefined;
  /** Empty without a group. */
  readonly makeGroup: readonly string[];
  /** The container up to its program, which waits for `start`. */
  readonly container: readonly string[];
  readonly removeGroup: readonly string[];
  /** Must be in the container's folder before the container's argv is read. */
  readonly files: readonly ChainFile[];
  readonly rootfs: string;
}

export const FIFO = "start.fifo";

/** @param folder where the container's files will be. @throws OciError that names the field */
export function compose({ id, bundle, spec, cgroups, keyring, leave }: Request, folder: string): Composed {
  const { linux = {}, process } = spec;
  const group = cgroups === "disabled" ? undefined : groupOf(linux.cgroupsPath, id, cgroups === "systemd");
  if (group === undefined && limitWords(linux.resources ?? {}).length > 0)
    throw new OciError("linux.resources: there is no group to write limits into: --cgroup-manager disabled");
  const files = filesOf(spec, { id, bundle });
  const fileOf = (name: string) => (files.some((file) => file.name === name) ? `${folder}/${name}` : undefined);
  const hook = (kind: HookKind) => fileOf(`${kind}.json`);
  const startHooks = hook("startContainer");
  return {
    group,
    makeGroup: group === undefined ? [] : ["cgset", "--path", group, "--make", ...resourceWords(linux.resources ?? {})],
    removeGroup: group === undefined ? [] : ["cgset", "--path", group, "--kill", "--rm"],
    container: [
      ...["nsexec", "--fork", ...leaveWords(leave)],
      ...(group === undefined ? [] : ["--into-cgroup", group]),
      ...(process.terminal ? ["--tty"] : []),
      ...(keyring ? ["--keyring", `_ses.${id}`] : []),
      ...namespaceWords(spec),
      ...["--propagation", "unchanged", "--", "pivot", ...rootWords(spec, bundle, hook("createContainer"))],
      ...["--", "hold", ...(startHooks === undefined ? [] : ["--hook", `startContainer=${startHooks}`]), `${folder}/${FIFO}`],
      ...["--", "confine", ...processWords(process, railsOf(spec, fileOf("seccomp.json"))), "--", ...process.args],
    ],
    files,
    rootfs: resolve(bundle, spec.root.path),
  };
}

function leaveWords(leave: Leave | undefined): string[] {
  if (leave === undefined) return [];
  const { pidFile, consoleSocket } = leave;
  const words = ["--leave", ...(pidFile === undefined ? [] : ["--pid-file", pidFile])];
  return consoleSocket === undefined ? words : [...words, "--console-socket", consoleSocket];
}

/** Where to put a process of `exec`. */
export interface Where {
  readonly id: string;
  readonly spec: Spec;
  readonly folder: string;
  /** The container's first process. */
  readonly pid: number;
  /** From the root of the hierarchy, or a directory. */
  readonly group: string | undefined;
  readonly leave: Leave | undefined;
}

/** A process in a running container. */
export function composeExec(process: Process, { spec, folder, pid, group, id, leave }: Where): string[] {
  const seccomp = existsSync(`${folder}/seccomp.json`) ? `${folder}/seccomp.json` : undefined;
  const affinity = process.execCPUAffinity?.final ?? process.execCPUAffinity?.initial;
  return [
    ...["nsexec", "--fork", ...leaveWords(leave), "--target", `${pid}`, "--all"],
    ...(group === undefined ? [] : ["--into-cgroup", group]),
    ...(process.terminal ? ["--tty"] : []),
    ...["--keyring", `_ses.${id}`, "--wdns", process.cwd],
    ...["--clear-env", ...(process.env ?? []).flatMap((variable) => ["--env", variable])],
    ...["--", "confine", ...processWords(process, railsOf(spec, seccomp), affinity), "--", ...process.args],
  ];
}

const LISTENER = "listener.json";

const railsOf = ({ linux = {} }: Spec, seccomp: string | undefined): Rails => ({
  seccomp,
  listener: linux.seccomp?.["listenerPath"] === undefined ? undefined : seccomp?.replace(/seccomp\.json$/, LISTENER),
  ...(linux.personality === undefined ? {} : { personality: linux.personality }),
  ...(linux.memoryPolicy === undefined ? {} : { memoryPolicy: linux.memoryPolicy }),
});

function filesOf(
  { hooks = {}, annotations = {}, linux = {}, ociVersion }: Spec,
  { id, bundle }: { id: string; bundle: string },
): ChainFile[] {
  const state = { ociVersion, id, status: "creating", bundle, annotations };
  const inside = HOOK_KINDS.filter((kind) => kind === "createContainer" || kind === "startContainer");
  return [
    ...(linux.seccomp === undefined ? [] : [{ name: "seccomp.json", text: jsonWithLargeNumbers(linux.seccomp) }]),
    ...(linux.seccomp?.["listenerPath"] === undefined ? [] : [{ name: LISTENER, text: JSON.stringify(state) }]),
    ...inside.flatMap((kind) => {
      const wanted = hooks[kind] ?? [];
      const status = kind === "startContainer" ? "created" : "creating";
      return wanted.length === 0 ? [] : [{ name: `${kind}.json`, text: JSON.stringify({ hooks: wanted, state: { ...state, status } }) }];
    }),
  ];
}
