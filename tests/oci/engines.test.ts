// podman, docker, buildah, containerd and conmon start their containers by contain-oci: drivers that print `ok` or `FAIL` a step. What has
// to fail on this machine is named; every other step has to work. CONTAIN_ENGINES="docker machine:cri" selects, machine: being a User-mode
// Linux machine, which has all controllers on cgroup v2; all: every one, which takes an hour; without it those that take a minute or so.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { availableControllers, findHierarchy } from "../../packages/kernel/src/index.ts";
import { makeGroup } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, type Result, root, run, sh } from "../helpers/run.ts";
import { inMachine } from "./machine.ts";

const DRIVERS = join(root, "tests/oci/engines");

interface Engine {
  readonly steps: number;
  /** That need a limit of memory. */
  readonly oomSteps?: number;
  readonly programs: readonly string[];
  /** Steps that fail with every runtime where these controllers are not on cgroup v2. */
  readonly withoutControllers?: readonly string[];
  /** And without CAP_SYS_RESOURCE, or where / is not a shared mount. */
  readonly withoutResource?: readonly string[];
  readonly withoutShared?: readonly string[];
  /** Fail in the machine: it has no /dev/loop-control and no boot time. */
  readonly machine?: readonly string[];
  /** It always asks for limits, which are taken from its configurations where there are no controllers. */
  readonly bare?: true;
  /** Without limits it would take all of the memory. */
  readonly inMachineOnly?: true;
}

const ENGINES: Readonly<Record<string, Engine>> = {
  conmon: { steps: 9, programs: ["conmon", "jq"] },
  buildah: { steps: 4, programs: ["buildah", "podman"] },
  podman: {
    steps: 50,
    oomSteps: 4,
    programs: ["podman", "conmon", "catatonit"],
    withoutControllers: ["memory", "pids cpu", "update"],
    machine: ["device"],
  },
  docker: {
    steps: 51,
    oomSteps: 4,
    programs: ["dockerd", "docker", "containerd"],
    withoutControllers: ["memory"],
    withoutResource: ["privileged", "exec privileged"],
    withoutShared: ["volume rshared"],
    machine: ["top"],
  },
  containerd: { steps: 39, oomSteps: 4, programs: ["containerd", "ctr", "jq"], bare: true },
  cri: { steps: 38, programs: ["containerd", "ctr"], inMachineOnly: true },
};

const { CONTAIN_ENGINES: selected = "conmon buildah containerd" } = process.env;
const everywhere = Object.entries(ENGINES).flatMap(([name, { inMachineOnly }]) => [...(inMachineOnly ? [] : [name]), `machine:${name}`]);
const wanted = selected === "all" ? everywhere.filter((word) => word !== "machine:buildah") : selected.split(" ");

/** The engines' controllers have to be where these look for them: in a native cgroup v2. */
const controllers = existsSync(findHierarchy().mountPoint) ? availableControllers(findHierarchy().mountPoint) : [];
const lacksControllers = !["cpu", "memory", "pids"].every((name) => controllers.includes(name));
const CAP_SYS_RESOURCE = 24n;
const lacksResource = ((BigInt(`0x${sh("sed -n 's/^CapEff:.//p' /proc/self/status").stdout.trim()}`) >> CAP_SYS_RESOURCE) & 1n) === 0n;

for (const word of wanted) {
  const [, machine, name = ""] = /^(machine:)?(.*)$/.exec(word) ?? [];
  const engine = ENGINES[name];
  if (engine === undefined) throw new Error(`CONTAIN_ENGINES: ${word} is none of ${Object.keys(ENGINES).join(", ")}`);
  const { programs, oomSteps = 0 } = engine;
  const steps = engine.steps + (machine === undefined && lacksControllers ? 0 : oomSteps);
  const there = machine === undefined ? [] : ["linux.uml", "unshare"];
  describe(`engine ${word}`, need("root", "podman", "busybox", ...there, ...programs), () => {
    test(`${steps} steps`, async (t) => {
      const dir = scratch(`engine-${name}`);
      const images = join(dir, "images");
      const made = run([join(DRIVERS, "images"), images]);
      assert.equal(made.status, 0, made.stderr);
      const { stdout, stderr } = machine === undefined ? await here(t, name, engine, dir, images) : await inMachine(name, dir, images);
      const lines = stdout.split("\n");
      const named = (start: string) =>
        lines.filter((line) => line.startsWith(start)).map((line) => line.slice(5).replace(/ (\(\d+ ms\)|rc=.*)$/, ""));
      const may = machine === undefined ? mayFail(engine) : (engine.machine ?? []);
      const failed = named("FAIL").filter((step) => !may.includes(step));
      assert.deepEqual(failed, [], `${stdout}${stderr}`);
      assert.ok(named("ok  ").length >= steps - may.length, `${stdout}${stderr}`);
    });
  });
}

async function here(t: { after: (act: () => void) => void }, name: string, engine: Engine, dir: string, images: string): Promise<Result> {
  if (engine.inMachineOnly) throw new Error(`${name}: only machine:${name}`);
  const group = makeGroup(`engine-${name}`);
  t.after(() => group.remove());
  const runtime = engine.bare && lacksControllers ? join(DRIVERS, "bare") : join(bin, "contain-oci");
  return run([join(DRIVERS, "v2"), group.dir, join(DRIVERS, name), runtime, join(dir, "d")], {
    env: { IMAGES: images, CONTAIN_OCI: join(bin, "contain-oci") },
    timeout: 600_000,
  });
}

const mayFail = ({ withoutControllers = [], withoutResource = [], withoutShared = [] }: Engine): readonly string[] => [
  ...(lacksControllers ? withoutControllers : []),
  ...(lacksResource ? withoutResource : []),
  ...withoutShared,
];
