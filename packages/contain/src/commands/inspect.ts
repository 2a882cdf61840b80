// `contain inspect`: everything known about one container, as JSON.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type Options, withCommon } from "@contain-tools/chain";
import { print, readUsage } from "@contain-tools/explain";
import {
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
import { type Health, isAlive, readHealth, type State, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { FORMAT, fill } from "../template.ts";

import { endAfterEach, memberOf, readContainers } from "./container.ts";

const inspectOptions = withCommon({ format: { ...FORMAT, alias: "f" } });

export const inspect = subcommand({
  name: "inspect",
  description: "Show everything known of a container, as JSON",
  usage: "ID…",
  options: inspectOptions,
  instead: {
    size: "`du -sh` of the directory of --rootfs or --overlay",
    s: "`du -sh` of the directory of --rootfs or --overlay",
    type: "there are only containers",
  },
  plan(given: Options<"format">) {
    const states = readContainers(given.rest);
    const format = given.value("format");
    return () =>
      endAfterEach(states, (state) => {
        const all = describe(state);
        print(`${format === undefined ? jsonText(all, 2) : fill(format, { ...all, ...dockersWords(all) })}\n`);
      });
  },
});

/** Where docker's JSON has the same values. */
function dockersWords({
  id,
  name,
  status,
  init,
  ended,
  argv,
  rootfs,
  env,
  created,
  begun,
  group,
  hostname,
  labels,
  user,
  tty,
  network,
  health,
  restart,
  restarts,
  restarting,
}: ReturnType<typeof describe>) {
  return {
    Id: id,
    Name: `/${name ?? id}`,
    Created: created,
    Path: argv[0],
    Args: argv.slice(1),
    Image: rootfs,
    RestartCount: restarts ?? 0,
    State: {
      Status: status,
      Running: status === "running" || status === "paused" || status === "restarting",
      Restarting: status === "restarting",
      Paused: status === "paused",
      Pid: status === "running" || status === "paused" ? (init?.pid ?? 0) : 0,
      ExitCode: (ended ?? restarting)?.status ?? 0,
      StartedAt: status === "created" ? "" : (begun ?? created),
      Health: health && { Status: health.status, FailingStreak: health.failingStreak, Log: health.last && [dockersCheck(health.last)] },
      FinishedAt: (ended ?? restarting)?.at ?? "",
    },
    Config: { Hostname: hostname ?? "", User: user ?? "", Tty: tty, Env: env, Cmd: argv, Image: rootfs, Labels: labels ?? {} },
    NetworkSettings: { IPAddress: network?.ip ?? "" },
    HostConfig: { CgroupParent: group ?? "", RestartPolicy: { Name: restart?.when ?? "no", MaximumRetryCount: restart?.most ?? 0 } },
  };
}

function describe(state: State) {
  const status = statusOf(state);
  const init = status === "running" || status === "paused" ? state.init : undefined;
  const pid = init && memberOf(init);
  return {
    ...{ ...state, kept: undefined },
    begun: state.begun && new Date(state.begun).toISOString(),
    created: new Date(state.created).toISOString(),
    ended: state.ended && { ...state.ended, at: new Date(state.ended.at).toISOString() },
    restarting: state.restarting && { ...state.restarting, at: new Date(state.restarting.at).toISOString() },
    status,
    health: readHealth(state.id),
    supervisor: { ...state.supervisor, alive: isAlive(state.supervisor) },
    namespaces: pid === undefined ? undefined : Object.fromEntries(NAMESPACES.map(({ file }) => [file, describeNamespace(pid, file)])),
    idMaps: pid === undefined ? undefined : describeIdMaps(pid),
    mounts: pid === undefined ? undefined : describeMounts(pid),
    processes: describeProcesses(state, init?.pid),
    limits: state.group === undefined ? undefined : readLimitFiles(state.group),
    usage: state.group === undefined ? undefined : readUsage(state.group),
  };
}

function dockersCheck({ start, end, exit, output }: NonNullable<Health["last"]>) {
  return { Start: start, End: end, ExitCode: exit, Output: output };
}

/** undefined for a kind that the kernel lacks, or that we may not read (another user's pid1). */
function describeNamespace(pid: number, file: string) {
  const id = namespaceId(pid, file);
  return id && { id, inode: Number(/\d+/.exec(id)?.[0]), shared: id === namespaceId("self", file) };
}

/** `inner` is the first of `count` ids inside, `outer` the first outside. */
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
    return undefined; // it has ended meanwhile, or we may not read it
  }
}

/** PIDs as the host and as the container see them. Without a group only PID 1 is known. */
function describeProcesses({ group }: State, init: number | undefined) {
  const pids = group === undefined ? (init === undefined ? [] : [init]) : groupProcesses(group);
  return pids.flatMap((pid) => {
    const status = readIfThere(`${procDirectory(pid)}/status`);
    if (status === undefined) return [];
    return { pid, inside: Number(statusField(status, "NSpid")?.split(/\s+/).at(-1)), name: statusField(status, "Name") };
  });
}

/** The files of a group that hold limits, unchanged. */
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
