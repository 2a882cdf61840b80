// podman, docker, buildah and conmon start their containers by contain-oci: drivers that print `ok` or `FAIL` a step. What has to fail on
// this machine is named; every other step has to work. CONTAIN_ENGINES="docker buildah" selects; without it those that take a minute or so.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { availableControllers, findHierarchy } from "../../packages/kernel/src/index.ts";
import { makeGroup } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, root, run, sh } from "../helpers/run.ts";

const DRIVERS = join(root, "tests/oci/engines");
const wanted = (process.env["CONTAIN_ENGINES"] ?? "conmon buildah").split(" ");

interface Engine {
  readonly steps: number;
  readonly programs: readonly string[];
  /** Steps that fail with every runtime where these controllers are not on cgroup v2. */
  readonly withoutControllers: readonly string[];
  /** And without CAP_SYS_RESOURCE, or where / is not a shared mount. */
  readonly withoutResource?: readonly string[];
  readonly withoutShared?: readonly string[];
}

const ENGINES: Readonly<Record<string, Engine>> = {
  conmon: { steps: 9, programs: ["conmon", "jq"], withoutControllers: [] },
  buildah: { steps: 4, programs: ["buildah", "podman"], withoutControllers: [] },
  podman: { steps: 50, programs: ["podman", "conmon", "catatonit"], withoutControllers: ["memory", "pids cpu", "update"] },
  docker: {
    steps: 51,
    programs: ["dockerd", "docker", "containerd"],
    withoutControllers: ["memory"],
    withoutResource: ["privileged", "exec privileged"],
    withoutShared: ["volume rshared"],
  },
};

/** The engines' controllers have to be where these look for them: in a native cgroup v2. */
const controllers = existsSync(findHierarchy().mountPoint) ? availableControllers(findHierarchy().mountPoint) : [];
const lacksControllers = !["cpu", "memory", "pids"].every((name) => controllers.includes(name));
const CAP_SYS_RESOURCE = 24n;
const lacksResource = ((BigInt(`0x${sh("sed -n 's/^CapEff:.//p' /proc/self/status").stdout.trim()}`) >> CAP_SYS_RESOURCE) & 1n) === 0n;

for (const [name, { steps, programs, withoutControllers, withoutResource = [], withoutShared = [] }] of Object.entries(ENGINES)) {
  if (!wanted.includes(name)) continue;
  describe(`engine ${name}`, need("root", "podman", "busybox", ...programs), () => {
    test(`${steps} steps`, async (t) => {
      const group = makeGroup(`engine-${name}`);
      t.after(() => group.remove());
      const dir = scratch(`engine-${name}`);
      const images = join(dir, "images");
      const made = run([join(DRIVERS, "images"), images]);
      assert.equal(made.status, 0, made.stderr);
      const { stdout, stderr } = run([join(DRIVERS, "v2"), group.dir, join(DRIVERS, name), join(bin, "contain-oci"), join(dir, "d")], {
        env: { IMAGES: images },
        timeout: 600_000,
      });
      const lines = stdout.split("\n");
      const named = (word: string) =>
        lines.filter((line) => line.startsWith(word)).map((line) => line.slice(5).replace(/ (\(\d+ ms\)|rc=.*)$/, ""));
      const may = [...(lacksControllers ? withoutControllers : []), ...(lacksResource ? withoutResource : []), ...withoutShared];
      const failed = named("FAIL").filter((step) => !may.includes(step));
      assert.deepEqual(failed, [], `${stdout}${stderr}`);
      assert.ok(named("ok  ").length >= steps - may.length, `${stdout}${stderr}`);
    });
  });
}
