// An engine's driver in a machine of its own, which has all controllers on cgroup v2. What takes a second on this host takes ten to twenty there.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bin, root } from "../helpers/run.ts";
import { boot, type Result } from "../vm/machine.ts";

const SECONDS = 2400;
/** Where tests/oci/engines/setup has installed what engines/pods needs. */
const PODS = join(root, "node_modules/.cache/contain-pods");

/** Runs a driver with contain-oci there. @param images what tests/oci/engines/images has made */
export async function inMachine(driver: string, dir: string, images: string): Promise<Result> {
  const work = join(dir, "machine");
  mkdirSync(work);
  const script = `
    busybox insmod "$(find /usr/lib/uml/modules -name veth.ko)"
    mount --make-rshared /
    mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
    ip link set lo up
    export IMAGES=${images} CRI=${PODS} LIM=${SECONDS}
    ${join(root, "tests/oci/engines", driver)} ${join(bin, "contain-oci")} /run/scratch/d`;
  const item = { name: driver, script, seconds: SECONDS, check: () => {} };
  return (await boot(work, [item], {}, SECONDS + 60)).result(item);
}
