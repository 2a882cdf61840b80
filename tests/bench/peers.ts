// The peers and us, each as an argv that runs /bin/true (or another program) in the same rootfs with the same namespaces:
// pid, mount, uts, ipc, cgroup.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../helpers/run.ts";

export interface Peer {
  readonly name: string;
  readonly argv: readonly string[];
  /** Our own: the bars are about these. */
  readonly own?: boolean;
}

const has = (name: string) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
const native = join(root, "dist/native");
const node = join(root, "dist/bin");

/** What runs a program in a container on `rootfs`; those that are not installed are left out, and named. */
export function runPeers(rootfs: string, dir: string): Peer[] {
  const bwrap = [
    "--bind",
    rootfs,
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--unshare-pid",
    "--unshare-uts",
    "--unshare-ipc",
    "--unshare-cgroup",
  ];
  const run = ["run", "--quiet", "--rootfs", rootfs, "--rw", "--"];
  const peers: Peer[] = [
    ...(existsSync(join(native, "contain"))
      ? [{ name: "contain, native", argv: [join(native, "contain"), ...run, "/bin/true"], own: true }]
      : []),
    { name: "contain, Node", argv: [join(node, "contain"), ...run, "/bin/true"], own: true },
  ];
  for (const name of ["runc", "crun"]) {
    if (has(name))
      peers.push({
        name,
        argv: [
          name,
          ...(name === "crun" ? ["--cgroup-manager=disabled"] : []),
          "--root",
          join(dir, name),
          "run",
          "--bundle",
          bundle(rootfs, join(dir, `bundle-${name}`), name),
          `bench-${name}`,
        ],
      });
  }
  if (has("bwrap")) peers.push({ name: "bubblewrap", argv: ["bwrap", ...bwrap, "/bin/true"] });
  peers.push({ name: "unshare, chroot", argv: ["unshare", "-muipCf", "chroot", rootfs, "/bin/true"] });
  if (has("podman")) peers.push({ name: "podman", argv: ["podman", "run", "--rm", "--rootfs", rootfs, "/bin/true"] });
  return peers;
}

/** An OCI bundle as `runc spec` makes it, with our namespaces, no terminal, and that rootfs. */
function bundle(rootfs: string, dir: string, runtime: string): string {
  mkdirSync(dir, { recursive: true });
  spawnSync(runtime, ["spec"], { cwd: dir });
  const file = join(dir, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  config.process.terminal = false;
  config.process.args = ["/bin/true"];
  config.root = { path: rootfs, readonly: false };
  config.linux.namespaces = ["pid", "mount", "uts", "ipc", "cgroup"].map((type) => ({ type }));
  config.linux.seccomp = undefined;
  config.linux.resources = undefined;
  config.mounts = config.mounts.filter(({ type }: { type: string }) => type !== "cgroup" && type !== "sysfs");
  writeFileSync(file, JSON.stringify(config));
  return dir;
}
