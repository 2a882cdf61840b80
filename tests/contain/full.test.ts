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
      again=$(contain run -qd --restart always --rootfs ${rootfs} -- sleep 1000)
      cat /dev/zero >${dir}/state/fill 2>/dev/null
      contain kill $id; echo $?; timeout -s KILL 100 contain wait $id 2>/dev/null
      contain inspect $id | grep -o 'sigkill-cannot-tell\\|killed-[a-z-]*'
      cat /dev/zero >>${dir}/state/fill 2>/dev/null
      kill -9 $(contain inspect -f '{{.State.Pid}}' $again); timeout -s KILL 100 contain wait $again 2>/dev/null
      contain inspect $again | grep -o 'could not be started again: the state folder .* is full'; contain rm -f $id $again`);
    const ends = `0\n137\nsigkill-cannot-tell\n125\ncould not be started again: the state folder ${dir}/state is full\n`;
    assert.equal(stdout, ends); // the note of contain kill is missing, and nobody else is blamed
    assert.match(stderr, /^contain: \S+\/signals cannot be written: ENOSPC; the verdict will not name this command\n$/);
  });
});
