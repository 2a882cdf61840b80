// An ordinary user's container has all ids that /etc/subuid and /etc/subgid give to him, if newuidmap and newgidmap can write the maps.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const UIDS = "nobody:300000:1000\n65534:500000:500\n";
const GIDS = "nobody:400000:65536\n";

describe("the ids of an ordinary user's container", need("root", "newuidmap", "setpriv", "script"), () => {
  const dir = scratch("rootless-ids");
  const rootfs = makeRootfs(dir);
  run(["chown", "-R", "65534:65534", dir]);
  const world = new World("rootless-ids");
  const ids = subordinateIds(world, dir);
  const home = join(dir, "home");
  before(() => {
    ids.set(UIDS, GIDS);
    world.sh(`mkdir ${home}; mount -t tmpfs -o mode=700,uid=65534 none ${home}`);
  });

  /** A script as nobody, with `$RUN` for `contain run` with the rootfs. */
  const nobody = (script: string, path = "/usr/bin:/bin", ...more: string[]) =>
    world.run([
      ...["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...more, "--"],
      ...["env", `XDG_RUNTIME_DIR=${home}`, `PATH=${bin}:${path}`, `RUN=contain run -q --rootfs ${rootfs}`, "/bin/sh", "-c", script],
    ]);
  const squeeze = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).join(" "));

  test("root inside is the user, and behind him come all of his ranges", () => {
    const { stdout, stderr } = nobody("contain run --rw --rootfs $0 -- cat /proc/self/uid_map /proc/self/gid_map".replace("$0", rootfs));
    assert.deepEqual(squeeze(stdout), ["0 65534 1", "1 300000 1000", "1001 500000 500", "0 65534 1", "1 400000 65536"], stderr);
    assert.match(
      stderr,
      /^\[contain\] not root: creating a user namespace, in which you are root; the ids from 1 on are uids 300000-300999, 500000-500499 of \/etc\/subuid, gids 400000-465535 of \/etc\/subgid\n/,
    );
  });

  test("other users inside, and files that are theirs", () => {
    const { stdout, stderr } = nobody(
      "$RUN --user 1000:1001 -- id; $RUN --rw -- sh -c 'touch /tmp/f; chown 1002:5 /tmp/f; ls -n /tmp'; $RUN --user 3000 -- id; echo $?",
    );
    assert.match(stdout, /^uid=1000 gid=1001 groups=1001\n/, stderr);
    assert.match(stdout, / 1002 +5 .* f\n125\n$/);
    assert.match(stderr, /setresuid\(3000.*EINVAL.*\n.*no mapping/);
    const { uid, gid } = statSync(join(rootfs, "tmp/f"));
    assert.deepEqual([uid, gid], [500001, 400004]);
    assert.equal(nobody(`rm ${rootfs}/tmp/f || nsexec -r --map-auto rm ${rootfs}/tmp/f; ls ${rootfs}/tmp`).stdout, "");
  });

  test("--confine, --init, --tty, --detach and exec go with it", () => {
    const { stdout, stderr } = nobody(`
      $RUN --confine --init --user 7 -- grep -E '^(Uid|CapEff|CapBnd)' /proc/self/status
      script -qec "$RUN -t --user 8 -- ls -ln /dev/console" /dev/null
      id=$($RUN -d --user 9 -- sleep 1000); contain exec $id -- id -u; contain exec --user 10:11 $id -- id
      contain stop --grace 0 $id; contain rm $id`);
    assert.match(
      stdout,
      /^Uid:\t7\t7\t7\t7\nCapEff:\t0+\nCapBnd:\t00000000a80425fb\n(\^@)?crw--w---- +1 8 +5 .*\r\n(\^@)?9\nuid=10 gid=11 groups=11\n$/,
      stderr,
    );
  });

  describe("else the user's own id alone, and why", () => {
    const one = (result: { readonly stdout: string; readonly stderr: string }, why: RegExp) => {
      assert.deepEqual(squeeze(result.stdout), ["0 65534 1"], result.stderr);
      assert.match(result.stderr, /^\[contain\] not root: creating a user namespace, in which you are root, with only your own id: /);
      assert.match(result.stderr, why);
    };
    const script = `contain run --rw --rootfs ${rootfs} -- cat /proc/self/uid_map`;

    test("no line", () => {
      ids.set(UIDS, "");
      one(nobody(script), /: \/etc\/subgid has no line for nobody\n/);
      ids.set(UIDS, GIDS);
    });

    test("no newuidmap", () => {
      world.sh(`mkdir ${dir}/few && ln -s ${process.execPath} /usr/bin/* ${dir}/few 2>/dev/null; rm ${dir}/few/newuidmap`);
      one(nobody(script, `${dir}/few`), /: there is no newuidmap in PATH/);
    });

    test("a newuidmap that is not set-user-ID", () => {
      world.sh(`mkdir ${dir}/bin; cp /bin/true ${dir}/bin/newuidmap; chmod 755 ${dir}/bin/newuidmap`);
      one(nobody(script, `${dir}/bin:/usr/bin:/bin`), /bin\/newuidmap is not set-user-ID root and has no file capabilities\n/);
    });

    test("no_new_privs", () => one(nobody(script, "/usr/bin:/bin", "--no-new-privs"), /: no_new_privs is set/));

    test("ranges that an outer user namespace does not have", () => {
      const maps = ["users", "groups"].flatMap((kind) => ["0", "65534"].flatMap((id) => [`--map-${kind}`, `${id}:${id}:1`]));
      const inside = [join(bin, "nsexec"), ...maps, "--setuid", "65534", "--setgid", "65534", "--"];
      const { stdout, stderr } = world.run([...inside, "env", `XDG_RUNTIME_DIR=${home}`, `PATH=${bin}:/usr/bin:/bin`, "sh", "-c", script]);
      one({ stdout, stderr }, /: \/etc\/subuid names ids that this user namespace does not have \(\/proc\/self\/uid_map\)/);
    });
  });

  test("a newuidmap that refuses is explained", () => {
    const rows = [
      ["exit 1", /newuidmap \d+ 0 300000 1000 1000 500000 500: exit status 1\n.*allows only the ranges that \/etc\/subuid/],
      ["kill -9 $$", /exit status 137\n.*a signal ended it: SIGKILL/],
    ] as const;
    world.sh(`mkdir -p ${dir}/bin`);
    for (const [line, message] of rows) {
      world.sh(`printf '#!/bin/sh\\n%s\\n' '${line}' >${dir}/bin/newuidmap; chmod 4755 ${dir}/bin/newuidmap`);
      const { status, stderr } = nobody("nsexec --map-auto true", `${dir}/bin:/usr/bin:/bin`);
      assert.equal(status, 125);
      assert.match(stderr, message);
    }
  });
});
