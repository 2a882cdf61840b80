// Commands while the state folder is full.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";

const dir = scratch("full");
const rootfs = makeRootfs(dir);

describe("a state folder that is full", need("root"), () => {
  test("does not keep contain kill from a signal, nor the supervisor from the status", () => {
    const { stdout, stderr } = isolated(`export CONTAIN_ROOT=${dir}/state
      mkdir -p ${dir}/state; mount -t tmpfs -o size=2M,mode=700 none ${dir}/state
      id=$(contain run -qd --rootfs ${rootfs} -- sleep 1000)
      cat /dev/zero >${dir}/state/fill 2>/dev/null
      contain kill $id; echo $?; timeout -s KILL 100 contain wait $id 2>/dev/null
      contain inspect $id | grep -o 'sigkill-cannot-tell\\|killed-[a-z-]*'; contain rm -f $id`);
    assert.equal(stdout, "0\n137\nsigkill-cannot-tell\n"); // its note is missing, and nobody else is blamed
    assert.match(stderr, /^contain: \S+\/signals cannot be written: ENOSPC; the verdict will not name this command\n$/);
  });
});
