// The peers and us: each as an argv that runs words in a container on the same rootfs with the same new namespaces, pid, mount, uts, ipc
// and cgroup, and no descriptor or limit more than it insists on. What is not installed is left out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../helpers/run.ts";

export interface How {
  /** A small init is PID 1: pid1 for us, tini for the others; bubblewrap has one of its own. */
  readonly init?: boolean;
  /** 64 MiB, half a CPU, 64 processes. */
  readonly limits?: boolean;
}

export interface Peer {
  readonly name: string;
  /** Runs the words in a container called `id`; "" where nobody needs its name. */
  run(words: readonly string[], id: string, how?: How): readonly string[];
  /** Runs the words in that container, whose first process is `pid` here. */
  exec(words: readonly string[], id: string, pid: number): readonly string[];
  /** Asks the container to end. */
  stop(id: string, pid: number): readonly string[];
  readonly hasInit: boolean;
  readonly hasLimits: boolean;
  /** Its containers are below the process that starts them, where they can be found and looked at. */
  readonly isParent: boolean;
}

const has = (name: string) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
const LIMITS = ["--memory", "64M", "--cpu", "50000", "--pids", "64"];

/** Where `makeRootfs` and the bench put a static init for the peers, which they run as PID 1. */
export const TINI = "/sbin/tini";

/** All that are here, ours first; bundles are made in `dir`. */
export function allPeers(rootfs: string, dir: string): Peer[] {
  const tini = existsSync(join(rootfs, TINI));
  const peers = [ours("contain, native", "dist/native"), ours("contain, Node", "dist/bin")].filter(({ here }) => here);
  return [
    ...peers.map(({ peer }) => peer),
    ...["runc", "crun"].filter(has).map((name) => runtime(name)),
    ...(has("bwrap") ? [bubblewrap()] : []),
    unshare(),
    ...(has("podman") ? [podman()] : []),
  ];

  function withInit(words: readonly string[], how: How): readonly string[] {
    return how.init ? [TINI, "--", ...words] : words;
  }

  function ours(name: string, folder: string): { here: boolean; peer: Peer } {
    const program = join(root, folder, "contain");
    const peer: Peer = {
      name,
      run: (words, id, how = {}) => [
        ...[program, "run", "--quiet", "--rootfs", rootfs, "--rw"],
        ...(id === "" ? [] : ["--name", id]),
        ...(how.init ? ["--init"] : []),
        ...(how.limits ? LIMITS : []),
        "--",
        ...words,
      ],
      exec: (words, id) => [program, "exec", id, "--", ...words],
      stop: (id) => [program, "stop", id],
      hasInit: true,
      hasLimits: true,
      isParent: true,
    };
    return { here: existsSync(program), peer };
  }

  function runtime(name: string): Peer {
    // crun insists on systemd's or the whole of cgroup v2 otherwise, for a container without limits too.
    const command = (how: How) => [
      name,
      ...(name === "crun" && !how.limits ? ["--cgroup-manager=disabled"] : []),
      "--root",
      join(dir, name),
    ];
    return {
      name,
      run: (words, id, how = {}) => [...command(how), "run", "--bundle", bundle(name, id, withInit(words, how), how), `bench-${id}`],
      exec: (words, id) => [...command({}), "exec", `bench-${id}`, ...words],
      stop: (id) => [...command({}), "kill", `bench-${id}`, "TERM"],
      hasInit: tini,
      hasLimits: true,
      isParent: true,
    };
  }

  function bubblewrap(): Peer {
    const words = ["bwrap", "--bind", rootfs, "/", "--proc", "/proc", "--dev", "/dev"];
    words.push("--unshare-pid", "--unshare-uts", "--unshare-ipc", "--unshare-cgroup");
    return {
      ...byPid,
      name: "bubblewrap",
      run: (program, _id, how = {}) => [...words, ...(how.init ? [] : ["--as-pid-1"]), ...program],
      hasInit: true,
      hasLimits: false,
      isParent: true,
    };
  }

  function unshare(): Peer {
    return {
      ...byPid,
      name: "unshare, chroot",
      run: (words, _id, how = {}) => ["unshare", "-muipCf", "chroot", rootfs, ...withInit(words, how)],
      hasInit: tini,
      hasLimits: false,
      isParent: true,
    };
  }

  function podman(): Peer {
    // Of itself it asks for more than a root without CAP_SYS_RESOURCE may have.
    const ulimits = ["nofile", "nproc"].map((name) => `--ulimit=${name}=1024`);
    const command = (id: string, how: How) => [
      "podman",
      "run",
      "--rm",
      ...(id === "" ? [] : ["--name", id]),
      ...(how.init ? ["--init"] : []),
      ...["--network=host", "--cgroups=disabled", ...ulimits],
    ];
    return {
      name: "podman",
      run: (words, id, how = {}) => [...command(id, how), "--rootfs", rootfs, ...words],
      exec: (words, id) => ["podman", "exec", id, ...words],
      stop: (id) => ["podman", "stop", id],
      hasInit: has("catatonit"),
      hasLimits: false,
      isParent: false,
    };
  }

  /** An OCI bundle as `runc spec` makes it, with our namespaces, no terminal, and that rootfs. */
  function bundle(name: string, id: string, args: readonly string[], how: How): string {
    const place = join(dir, `bundle-${name}-${id}-${how.init ?? false}-${how.limits ?? false}`);
    const file = join(place, "config.json");
    mkdirSync(place, { recursive: true });
    if (!existsSync(file)) spawnSync(name, ["spec"], { cwd: place });
    const config = JSON.parse(readFileSync(file, "utf8"));
    config.process.terminal = false;
    config.process.args = args;
    config.root = { path: rootfs, readonly: false };
    config.linux.namespaces = ["pid", "mount", "uts", "ipc", "cgroup"].map((type) => ({ type }));
    config.linux.seccomp = undefined;
    config.linux.resources = how.limits
      ? { memory: { limit: 64 << 20, swap: 64 << 20 }, cpu: { quota: 50000, period: 100000 }, pids: { limit: 64 } }
      : undefined;
    config.mounts = config.mounts.filter(({ type }: { type: string }) => type !== "cgroup" && type !== "sysfs");
    writeFileSync(file, JSON.stringify(config));
    return place;
  }
}

/** Those without a name for a container: its first process is known, and nsenter(1) and kill(1) do the rest. */
const byPid = {
  exec: (words: readonly string[], _id: string, pid: number) => ["nsenter", "-t", `${pid}`, "-m", "-u", "-i", "-p", "-C", "-r", ...words],
  stop: (_id: string, pid: number) => ["kill", "-TERM", `${pid}`],
};
