// Bundles for the tests of contain-oci, and what is left of a container.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { findHierarchy } from "../../packages/kernel/src/index.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, type Result, type RunOptions, run } from "../helpers/run.ts";

export const PATH = "PATH=/bin:/usr/bin:/sbin:/usr/sbin";

export interface Bundles {
  /** The words that every command of these containers begins with. */
  readonly oci: (...words: readonly string[]) => Result;
  readonly ociWith: (options: RunOptions, ...words: readonly string[]) => Result;
  /** Writes a bundle that runs a script, with what `change` says of its configuration, and returns its folder. */
  readonly bundle: (script: string | readonly string[], change?: object) => string;
  readonly rootfs: string;
  readonly states: string;
  readonly dir: string;
  /** What is left of a container: its folder, and the groups of this file's containers. */
  readonly leftOf: (id: string) => string[];
}

export function bundles(name: string): Bundles {
  const dir = scratch(name);
  const rootfs = makeRootfs(dir);
  const states = join(dir, "states");
  const groups = `contain-test-${name}-${process.pid}`;
  const top = `${findHierarchy().mountPoint}/${groups}`;
  after(() => existsSync(top) && rmdirSync(top));
  let count = 0;
  const ociWith = (options: RunOptions, ...words: readonly string[]): Result => {
    const argv = ["contain-oci", "--root", states, ...words];
    return words.some((word) => LEAVES.includes(word)) ? toFiles(argv, dir, options) : run(argv, options);
  };
  return {
    dir,
    rootfs,
    states,
    ociWith,
    oci: (...words) => ociWith({}, ...words),
    bundle(script, change = {}) {
      const folder = join(dir, `bundle-${count++}`);
      mkdirSync(folder);
      const args = typeof script === "string" ? ["/bin/sh", "-c", script] : script;
      writeFileSync(join(folder, "config.json"), JSON.stringify(merge(configOf(rootfs, args, `/${groups}/${count}`), change)));
      return folder;
    },
    leftOf: (id) => [
      ...[join(states, id)].filter((path) => existsSync(path)),
      ...(existsSync(top) ? readdirSync(top, { withFileTypes: true }) : [])
        .filter((entry) => entry.isDirectory())
        .map(({ name: group }) => group),
    ],
  };
}

/** What is left behind holds on to its caller's pipes, for whose end a test would wait. */
const LEAVES = ["create", "--detach"];

function toFiles([, ...words]: readonly string[], dir: string, options: RunOptions): Result {
  const [out, err] = [join(dir, "stdout"), join(dir, "stderr")];
  const argv = ["/bin/sh", "-c", `exec "$@" >${out} 2>${err} </dev/null`, "sh", `${bin}/contain-oci`, ...words];
  return { ...run(argv, options), stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
}

const configOf = (rootfs: string, args: readonly string[], cgroupsPath: string) => ({
  ociVersion: "1.3.0",
  process: { cwd: "/", args, env: [PATH], user: { uid: 0, gid: 0 }, capabilities: {} },
  root: { path: rootfs },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
    { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] },
    { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
  ],
  linux: { cgroupsPath, namespaces: ["pid", "mount", "uts", "ipc", "network", "cgroup"].map((type) => ({ type })) },
});

/** Maps are merged; anything else is replaced. */
function merge(a: unknown, b: unknown): unknown {
  if (typeof a !== "object" || typeof b !== "object" || Array.isArray(a) || Array.isArray(b) || a === null || b === null) return b;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return { ...x, ...Object.fromEntries(Object.entries(y).map(([key, value]) => [key, key in x ? merge(x[key], value) : value])) };
}
