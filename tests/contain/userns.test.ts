// contain run --userns auto: ids of its own, and files whose owners are shifted by idmapped mounts.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const FIRST = 2684354560; // each test file has ranges of its own: they run side by side
const GIDS = 3221225472;
const LINES = [`containers:${FIRST}:655360\n`, `containers:${GIDS}:655360\n`] as const;

describe("--userns auto", need("root", "script", "unshare", "setpriv"), () => {
  const dir = scratch("userns");
  const rootfs = makeRootfs(dir);
  const volume = join(dir, "closed/volume");
  mkdirSync(volume, { recursive: true });
  run(["chmod", "700", join(dir, "closed")]); // whoever is root inside could not walk through it
  mkdirSync(join(rootfs, "data"));
  const world = new World("userns");
  const ids = subordinateIds(world, dir);
  beforeEach(() => ids.set(...LINES));

  const contain = (words: readonly string[], script: string) =>
    world.run(["contain", "run", "-q", "--userns", "auto", "--rootfs", rootfs, ...words, "--", "sh", "-c", script]);
  const states = () => world.sh("ls -A /run/contain").stdout;

  test("its ids are of /etc/subuid and /etc/subgid, and its processes have them outside", async () => {
    const { stdout } = contain([], "id -u; cat /proc/self/uid_map /proc/self/gid_map");
    assert.deepEqual(
      stdout.split("\n").map((line) => line.trim().split(/\s+/).join(" ")),
      ["0", `0 ${FIRST} 65536`, `0 ${GIDS} 65536`, ""],
    );
    const { id, pid, stderr } = await world.start([
      "--userns",
      "auto",
      "--rootfs",
      rootfs,
      "--init",
      "--user",
      "7:8",
      "--",
      "sleep",
      "1000",
    ]);
    const outside = (of: number) =>
      /^Uid:\t(\d+)[\s\S]*^Gid:\t(\d+)/m
        .exec(run(["cat", `/proc/${of}/status`]).stdout)
        ?.slice(1)
        .map(Number);
    const [child = 0] = run(["cat", `/proc/${pid}/task/${pid}/children`])
      .stdout.split(" ")
      .map(Number);
    assert.deepEqual(outside(pid), [FIRST + 7, GIDS + 8]);
    assert.deepEqual(outside(child), [FIRST + 7, GIDS + 8]);
    assert.match(stderr(), new RegExp(`uids 0-65535 inside are ${FIRST}-${FIRST + 65535} outside, gids ${GIDS}-`));
    assert.match(stderr(), /confinement: none; processes inside have unprivileged ids outside, but own the files/);

    const { ids: leased, idMaps } = JSON.parse(world.run(["contain", "inspect", id]).stdout);
    assert.deepEqual(leased, { uid: FIRST, gid: GIDS });
    assert.deepEqual(idMaps.gid, [{ inner: 0, outer: GIDS, count: 65536 }]);
    const { findings } = JSON.parse(world.run(["contain", "explain", "--json", id]).stdout);
    const text = (code: string) => findings.find((finding: { code: string }) => finding.code === code)?.text;
    assert.match(
      text("uid_map"),
      new RegExp(`^uid 0-65535 inside is ${FIRST}-${FIRST + 65535} here; ${FIRST}-${FIRST + 65535} here is 0-65535 inside`),
    );
    assert.match(text("uid_map"), /every other uid, as 0 here, looks like 65534 inside \(nobody: not mapped\)/);
    assert.match(text("mounts-idmapped"), /^idmapped: \/;/);
    assert.equal(world.run(["contain", "exec", id, "--", "id", "-u"]).stdout, "7\n");
    assert.match(world.run(["contain", "exec", "--user", "9:10", id, "--", "id"]).stdout, /uid=9 gid=10/);
    assert.match(
      world.sh(`script -qec "contain exec -tu 9 ${id} -- sh -c 'tty; ls -ln /dev/pts/0'" /dev/null`).stdout,
      /\/dev\/pts\/0\r\n(\^@)?crw--w----\s+1 9\s+5/,
    );
    assert.match(
      world.sh(
        `group=${world.top}/contain-${id}; [ -d $group ] || group=$(dirname $(find ${world.top} -path "*/contain-${id}/cgroup.procs"))
         contain exec ${id} -- sleep 1000 & for i in $(seq 50); do grep -c . $group/cgroup.procs | grep 3 && break; sleep 0.1; done; kill $!`,
      ).stdout,
      /3/,
      "exec is in the group",
    );
    assert.equal(world.run(["contain", "stop", "--grace", "0", id]).status, 0);
  });

  test("what is written is on disk as it looks inside", () => {
    const { stdout, stderr } = contain(
      ["--rw", "--volume", `${volume}:/data`],
      "ls -ldn /data /etc /proc/1 | awk '{ print $3, $4 }'; touch /data/mine /etc/mine; echo x >/data/yours; chown 1000:100 /data/yours; ls -n /data",
    );
    assert.match(stdout, /^0 0\n0 0\n0 0\n/, stderr);
    assert.match(stdout, /1000 +100 .* yours\n/);
    const owner = (path: string) => [statSync(path).uid, statSync(path).gid];
    assert.deepEqual(owner(join(volume, "mine")), [0, 0]);
    assert.deepEqual(owner(join(volume, "yours")), [1000, 100]);
    assert.deepEqual(owner(join(rootfs, "etc/mine")), [0, 0]);
    rmSync(join(rootfs, "etc/mine"));
  });

  test("a set-user-ID file is root's inside, and on disk it is root's too: only the mount says whose", () => {
    const hosts = (user: string, script: string) =>
      world.run(["contain", "run", "-q", "--userns", "auto", "--volume", `${volume}:/mnt`, "--user", user, "--", "sh", "-c", script]);
    hosts("0", "cp /bin/cat /mnt/su; chmod 4755 /mnt/su");
    const { uid, mode } = statSync(join(volume, "su"));
    assert.deepEqual([uid, mode & 0o7777], [0, 0o4755]);
    const inside = hosts("1000", "/mnt/su /proc/self/status /proc/self/uid_map");
    assert.match(inside.stdout, /^Uid:\t1000\t0\t0\t0$/m, inside.stderr); // root of this user namespace, which is nobody outside
    assert.match(inside.stdout, new RegExp(`0 +${FIRST} +65536`));
    const look = `setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '${volume}/su /proc/self/status | grep ^Uid'`;
    const outside = world.sh(`${look}; chmod 711 ${dir}/closed; ${look}
      mount --bind ${volume} ${volume}; mount -o remount,bind,nosuid ${volume}; ${look}; umount ${volume}; chmod 700 ${dir}/closed`);
    // Outside it is what it says it is, unless nobody can walk to it, or the mount is nosuid.
    assert.equal(outside.stdout, "Uid:\t1000\t0\t0\t0\nUid:\t1000\t1000\t1000\t1000\n", outside.stderr);
    assert.match(outside.stderr, /su: Permission denied/);
    rmSync(join(volume, "su"));
  });

  describe("what goes with it", () => {
    const rows: readonly (readonly [string, readonly string[], string, string | RegExp])[] = [
      ["--user", ["--user", "33:44"], "id", "uid=33 gid=44 groups=44\n"],
      ["--overlay", ["--overlay"], "touch /etc/new; ls -ln /etc/new; rm /etc/passwd; ls /etc/passwd", /^-rw-r--r-- +1 0 +0 .*\n$/],
      ["--overlay-lower", ["--overlay-lower", volume], "ls -n /yours", /1000 +100 .*yours\n/],
      [
        "--confine --init",
        ["--confine", "--init"],
        "cat /proc/1/comm; grep CapEff /proc/self/status; head -c 1 /proc/sysrq-trigger; mkdir /sys/x || id -u",
        "pid1\nCapEff:\t00000000a80425fb\n0\n",
      ],
      ["--confine --user", ["--confine", "--user", "5"], "id -u; grep CapEff /proc/self/status", "5\nCapEff:\t0000000000000000\n"],
      ["--net none", ["--net", "none"], "ip link set lo down && ip -o link | wc -l", "1\n"],
      ["--tmpfs", ["--tmpfs", "/data"], "touch /data/x; ls -n /data", /0 +0 .*x\n/],
      ["a file as volume", ["--volume", "/etc/hostname:/etc/hosts:ro"], "ls -n /etc/hosts; echo >>/etc/hosts", /0 +0 .*\n$/],
      [
        "a device as volume: its owner stays",
        ["--volume", "/dev/null:/etc/group"],
        "ls -n /etc/group; echo >/etc/group && echo written",
        /crw-rw-rw- +1 65534 +65534 .*\nwritten\n/,
      ],
      [
        "mounting, as root of its own mounts",
        ["--rw"],
        "mount -t tmpfs none /data && mount --bind /etc /data && umount /data && id -u",
        "0\n",
      ],
    ];
    for (const [name, words, script, expected] of rows) {
      test(name, () => {
        const { stdout, stderr } = contain(words, script);
        if (typeof expected === "string") assert.equal(stdout, expected, stderr);
        else assert.match(stdout, expected, stderr);
      });
    }

    test("--overlay=DIR keeps what was written, owners as inside", () => {
      const layer = join(dir, "layer");
      mkdirSync(layer);
      contain([`--overlay=${layer}`], "echo kept >/etc/kept; chown 12:13 /etc/kept; rm /etc/hosts");
      assert.equal(
        contain([`--overlay=${layer}`], "cat /etc/kept; ls -n /etc/kept; ls /etc/hosts").stdout.replace(/.*(12 +13).*/, "$1"),
        "kept\n12       13\n",
      );
      const { uid, gid } = statSync(join(layer, "upper/etc/kept"));
      assert.deepEqual([uid, gid], [12, 13]);
    });

    test("--net veth: the pair is made from outside", () => {
      const { stdout, stderr } = world.sh(
        `unshare -n contain run -q --userns auto --rootfs ${rootfs} --net veth --hostname box -- sh -c 'ping -c 1 -W 2 10.88.0.1 && ip link set eth0 down; cat /etc/hosts' && unshare -n true`,
      );
      assert.match(stdout, /1 packets received/, stderr);
      assert.match(stdout, /10\.88\.0\.2\tbox/);
    });

    test("--tty: the slave is the user's", () => {
      const { stdout } = world.sh(
        `script -qec "contain run -qt --userns auto --rootfs ${rootfs} --user 1000 -- sh -c 'tty; ls -ln /dev/console'" /dev/null`,
      );
      assert.match(stdout, /\/dev\/pts\/0\r\n(\^@)?crw--w---- +1 1000 +5 /);
    });

    test("--detach, a log, exec with --confine", () => {
      const script = `id=$(contain run -qd --userns auto --confine --user 4 --rootfs ${rootfs} -- sh -c 'id -u; exec sleep 1000')
        contain exec $id -- sh -c 'id -u; grep CapBnd /proc/self/status'; contain logs $id; contain stop --grace 0 $id; contain rm $id`;
      assert.equal(world.sh(script).stdout, "4\nCapBnd:\t00000000a80425fb\n4\n");
    });

    test("the host's own root: read-only, its files root's, /dev and /proc its own", () => {
      const script =
        "stat -c %u /etc/shadow; [ -r /etc/shadow ] && echo read; mount -o remount,bind,rw / 2>/dev/null || echo refused; readlink /proc/self >/dev/null && ls /dev/pts";
      const { stdout, stderr } = world.run(["contain", "run", "-q", "--userns", "auto", "--", "sh", "-c", script]);
      assert.equal(stdout, "0\nread\nrefused\nptmx\n", stderr);
    });

    test("--print-chain, and --chain exec", () => {
      const script = `cd ${dir}; contain run --print-chain --userns auto --rootfs rootfs --volume closed/volume:/data -- ls -n /data >chain; sh chain; contain run -q --chain exec --userns auto --rootfs rootfs -- id -u`;
      assert.match(world.sh(script).stdout, /1000 +100 .* yours\n0\n$/);
    });
  });

  describe("what root inside cannot undo", () => {
    const refused = (words: readonly string[], script: string) => {
      const { stdout, stderr } = contain(words, `${script} && echo done`);
      assert.equal(stdout, "", stderr);
      assert.match(stderr, /[Pp]ermission denied|Operation not permitted|Invalid argument/);
    };

    test("a read-only root, and a read-only volume", () => {
      refused([], "mount -o remount,bind,rw /");
      refused(["--volume", `${volume}:/data:ro`], "mount -o remount,bind,rw /data");
    });

    test("a device node in the rootfs does not work, and cannot be made to", () => {
      run(["mknod", "-m", "666", join(rootfs, "etc/zero"), "c", "1", "5"]);
      refused([], "head -c 1 /etc/zero");
      refused(["--rw"], "mount -o remount,bind,dev /");
      refused(["--rw"], "mknod /etc/null c 1 3");
      rmSync(join(rootfs, "etc/zero"));
    });

    test("its root cannot be taken away, and nothing of the host is below", () => {
      refused([], "umount -l /");
      assert.doesNotMatch(contain([], "cat /proc/self/mountinfo").stdout, /cgroup|\/home| - tmpfs contain /);
    });
  });

  describe("mounts below what is shifted", () => {
    const tree = join(dir, "tree");
    mkdirSync(join(tree, "memory"), { recursive: true });
    mkdirSync(join(tree, "kernel"));
    mkdirSync(join(tree, "covered/below"), { recursive: true });

    test("those are shifted too that can be; of the others it is told, and their files are nobody's", () => {
      const { stdout, stderr } = world.sh(`
        mount -t tmpfs none ${tree}/memory; touch ${tree}/memory/file; mount --bind ${volume}/yours ${tree}/memory/file
        mount -t tmpfs none ${tree}/covered/below; mount -t tmpfs none ${tree}/covered
        mount -t ramfs none ${tree}/kernel; touch ${tree}/kernel/file
        contain run --userns auto --rootfs ${rootfs} --volume ${tree}:/data -- sh -c 'ls -ln /data/memory/file /data/kernel/file | awk "{ print \\$3 }"; ls /data/covered; grep -c " /data" /proc/self/mountinfo'
        umount ${tree}/memory/file ${tree}/memory ${tree}/kernel ${tree}/covered ${tree}/covered/below`);
      assert.equal(stdout, "65534\n1000\n5\n", stderr);
      assert.match(stderr, /\[contain\] .*tree\/kernel \(ramfs\) cannot be shifted \(EINVAL\): inside, its files belong to nobody\n/);
    });
  });

  describe("refused, with a reason, and nothing is left", () => {
    const rows: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["without a PID namespace", ["--ns", "mnt"], /needs the pid namespace .*\n.*ids of the next/],
      ["without a mount namespace", ["--ns", "pid"], /needs the mnt namespace/],
      ["a layer that is not there", [`--overlay=${dir}/none`], /must be there\n.*mkdir/],
      [
        "a file system without idmapped mounts",
        ["--volume", "/proc:/data"],
        /the owners of \/proc \(proc on \/proc\) cannot be shifted: mount_setattr\(.*EINVAL.*\n.*no idmapped mounts in this kernel.*chown -R/,
      ],
      ["veth in a printed chain", ["--net", "veth", "--print-chain"], /--print-chain does not go with --userns auto and --net veth/],
      ["veth with exec'd links", ["--net", "veth", "--chain", "exec"], /--chain exec does not go with/],
    ];
    for (const [name, words, message] of rows) {
      test(name, () => {
        const { status, stderr } = contain(words, "true");
        assert.equal(status, 125);
        assert.match(stderr, message);
        assert.equal(states(), "");
      });
    }

    test("another word", () => {
      const { status, stderr } = world.run(["contain", "run", "--userns", "own", "--", "true"]);
      assert.equal(status, 125);
      assert.match(stderr, /--userns own: must be auto/);
    });

    test("an ordinary user", () => {
      const { status, stderr } = world.run([
        "setpriv",
        "--reuid",
        "65534",
        "--clear-groups",
        join(bin, "contain"),
        "run",
        "--userns",
        "auto",
        "--",
        "true",
      ]);
      assert.equal(status, 125, stderr);
      assert.match(stderr, /--userns auto is for root/);
    });

    const lines: readonly (readonly [string, string, string, RegExp])[] = [
      [
        "no line",
        "nobody:1:70000\n",
        LINES[1],
        /\/etc\/subuid has no line for containers, nor for root\n.*add one to \/etc\/subuid.*: containers:\d+:\d+/,
      ],
      ["no line for groups", LINES[0], "", /\/etc\/subgid has no line/],
      ["too few ids", "containers:100000:65535\n", LINES[1], /\/etc\/subuid gives 65535 ids, and a container takes 65536\n/],
      [
        "lines that are none",
        "containers:x:65536\ncontainers:-1:65536\n#containers:1:65536\ncontainers:5000000000:65536\n",
        LINES[1],
        /has no line/,
      ],
    ];
    for (const [name, uids, gids, message] of lines) {
      test(name, () => {
        ids.set(uids, gids);
        const { status, stderr } = contain([], "true");
        assert.equal(status, 125);
        assert.match(stderr, message);
        assert.equal(states(), "");
      });
    }
  });

  describe("ranges", () => {
    const OUTER = "read a outer c </proc/self/uid_map; echo $outer";

    test("root's line serves where containers has none; the lines of one owner are all used", () => {
      ids.set("root:1000000:65536\n0:2000000:65536\n", LINES[1]);
      const holding = `contain run -qd --name first --userns auto --rootfs ${rootfs} -- sleep 1000`;
      assert.equal(
        world.sh(`${holding} >/dev/null; contain run -q --userns auto --rootfs ${rootfs} -- sh -c '${OUTER}'`).stdout,
        "2000000\n",
      );
      const { status, stderr } = contain(["--ns", "pid,mnt,uts"], "true");
      assert.equal(status, 0, stderr);
      world.sh(`contain run -qd --name second --userns auto --rootfs ${rootfs} -- sleep 1000`);
      const third = contain([], "true");
      assert.equal(third.status, 125);
      assert.match(third.stderr, /no range of 65536 ids is free: \/etc\/subuid gives 2 to root\n.*contain gc/);
      world.sh("contain stop --grace 0 first; contain stop --grace 0 second");
      assert.equal(contain([], OUTER).stdout, "1000000\n", "one that has ended is remembered, but has no ids");
      world.sh("contain rm first; contain rm second");
    });

    test("20 started at once have 20 different ones, and all are free again", () => {
      ids.set(`containers:${FIRST}:${20 * 65536}\n`);
      const { stdout, stderr } = world.sh(
        `for i in $(seq 20); do contain run -q --userns auto --rootfs ${rootfs} -- sh -c '${OUTER}; while [ ! -e /data/go ]; do sleep 0.1; done' & done
         while [ $(contain list --json | grep -c '"running"') -lt 20 ]; do sleep 0.2; done; touch ${rootfs}/data/go; wait; rm ${rootfs}/data/go`,
        { timeout: 60_000 },
      );
      const expected = Array.from({ length: 20 }, (_, i) => FIRST + i * 65536);
      assert.deepEqual(
        stdout
          .trim()
          .split("\n")
          .map(Number)
          .sort((a, b) => a - b),
        expected,
        stderr,
      );
      assert.equal(contain([], OUTER).stdout, `${FIRST}\n`);
    });

    test("one is free again when the supervisor was killed", async () => {
      const { child, supervisor, ended } = await world.start(["-q", "--userns", "auto", "--rootfs", rootfs, "--", "sleep", "1000"]);
      assert.equal(contain([], OUTER).stdout, `${FIRST + 65536}\n`);
      process.kill(supervisor, "SIGKILL");
      child.kill("SIGKILL");
      await ended;
      assert.equal(
        world.sh(
          `for i in $(seq 50); do out=$(contain run -q --userns auto --rootfs ${rootfs} -- sh -c '${OUTER}'); [ $out = ${FIRST} ] && break; sleep 0.1; done; echo $out`,
        ).stdout,
        `${FIRST}\n`,
      );
      world.sh("contain gc");
      assert.equal(states(), "");
    });

    test("one that any process is mapped to is not given away", () => {
      const { stdout } = world.sh(
        `nsexec --map-users 5:${FIRST + 9}:1 sh -c 'echo; exec sleep 1000' >${dir}/up & until [ -s ${dir}/up ]; do sleep 0.05; done
         contain run -q --userns auto --rootfs ${rootfs} -- sh -c '${OUTER}; cat /proc/self/gid_map'; kill $!`,
      );
      assert.match(stdout, new RegExp(`^${FIRST + 65536}\n +0 +${GIDS} `));
    });
  });

  test("nothing is left in the state folder, and no file outside", () => {
    assert.equal(states(), "");
    writeFileSync(join(dir, "done"), "");
    assert.ok(existsSync(join(volume, "yours")));
  });
});
