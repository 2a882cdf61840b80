// `contain inspect`: everything that is known of one container, as JSON.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { withCommon } from "@contain-tools/chain";
import { print, readUsage } from "@contain-tools/explain";
import {
  exit,
  groupProcesses,
  jsonText,
  NAMESPACES,
  namespaceId,
  procDirectory,
  readIdMap,
  readIfThere,
  readMountInfo,
  statusField,
} from "@contain-tools/kernel";
import { isAlive, type State, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";

import { memberOf, readContainer } from "./container.ts";

export const inspect = subcommand({
  name: "inspect",
  description: "Show everything known of a container, as JSON",
  usage: "ID",
  options: withCommon({}),
  optionsBehind: 1,
  plan(given) {
    const state = readContainer(given.rest);
    return () => {
      print(`${jsonText(describe(state), 2)}\n`);
      return exit(0);
    };
  },
});

function describe(state: State) {
  const status = statusOf(state);
  const init = status === "running" || status === "paused" ? state.init : undefined;
  const pid = init && memberOf(init);
  return {
    ...state,
    status,
    supervisor: { ...state.supervisor, alive: isAlive(state.supervisor) },
    namespaces: pid === undefined ? undefined : Object.fromEntries(NAMESPACES.map(({ file }) => [file, describeNamespace(pid, file)])),
    idMaps: pid === undefined ? undefined : describeIdMaps(pid),
    mounts: pid === undefined ? undefined : describeMounts(pid),
    processes: describeProcesses(state, init?.pid),
    limits: state.group === undefined ? undefined : readLimitFiles(state.group),
    usage: state.group === undefined ? undefined : readUsage(state.group),
  };
}

/** undefined for a kind that the kernel does not have, or that it does not let us see (pid1 of another user's). */
function describeNamespace(pid: number, file: string) {
  const id = namespaceId(pid, file);
  return id && { id, inode: Number(/\d+/.exec(id)?.[0]), shared: id === namespaceId("self", file) };
}

/** `inner` is the first of `count` ids inside, `outer` the same one here. */
function describeIdMaps(pid: number) {
  try {
    return { uid: readIdMap(pid, "uid_map"), gid: readIdMap(pid, "gid_map") };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

function describeMounts(pid: number) {
  try {
    return readMountInfo(procDirectory(pid)).map(({ mountPoint, type, source, options }) => ({
      mountPoint,
      type,
      source,
      options: options.join(","),
    }));
  } catch {
    return undefined; // it has ended meanwhile, or we may not look
  }
}

/** PIDs as the host sees them and as the container does. Without a group only PID 1 is known. */
function describeProcesses({ group }: State, init: number | undefined) {
  const pids = group === undefined ? (init === undefined ? [] : [init]) : groupProcesses(group);
  return pids.flatMap((pid) => {
    const status = readIfThere(`${procDirectory(pid)}/status`);
    if (status === undefined) return [];
    return { pid, inside: Number(statusField(status, "NSpid")?.split(/\s+/).at(-1)), name: statusField(status, "Name") };
  });
}

/** The files of a group that hold a limit, as they are. */
function readLimitFiles(group: string): Record<string, string> {
  const files = safeList(group).filter((file) => /\.(max|high|low|min|weight|cpus|group)$/.test(basename(file)));
  return Object.fromEntries(
    files.flatMap((file) => {
      const text = readIfThere(join(group, file))?.trim();
      return text ? [[file, text]] : [];
    }),
  );
}

function safeList(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
