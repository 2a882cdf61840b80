// What a container sees of the others: no state, no lock, no terminal, by whatever way the state folder comes into its root.
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("hidden");
const rootfs = makeRootfs(dir);
for (const name of ["mnt", "mnt2", "run"]) mkdirSync(join(rootfs, name), { recursive: true });

symlinkSync("/run", join(dir, "to-run"));

const SECRET = "TOKEN=mc9s8d7f";
/** Looks for another container's secret, its socket and the lock wherever a folder of states could be, and prints what it finds. */
const LOOK = `for top in / /mnt /mnt/run /mnt2 /srv/copy/run /var/run; do
  grep -rsl ${SECRET} $top/run/contain $top/contain $top/run/user $top/user && echo "in $top"
  find $top/run/contain $top/contain $top/run/user $top/user -name attach -o -name state.json 2>/dev/null
done; true`;

describe("the states of other containers", { ...need("root", "unshare", "setpriv"), timeout: 300_000 }, () => {
  for (const [name, words] of [
    ["the host's root", []],
    ["the host's root, --rw", ["--rw"]],
    ["the host's root, --overlay", ["--overlay"]],
    ["the host's root, --confine", ["--confine"]],
    ["the host's root, --chain exec", ["--chain", "exec"]],
    ["a volume of /", ["--rootfs", rootfs, "--volume", "/:/mnt:ro"]],
    ["a volume of /run", ["--rootfs", rootfs, "--volume", "/run:/mnt"]],
    ["two volumes", ["--rootfs", rootfs, "--volume", "/run:/mnt", "--volume", "/:/mnt2"]],
    ["a volume by a symbolic link", ["--rootfs", rootfs, "--volume", `${dir}/to-run:/mnt`]],
    ["a copy of /run that the host has elsewhere", ["--volume", "/srv:/srv:ro"]],
    ["a root with the host's /run in it", ["--rootfs", `${dir}/chroot`]],
    ["another folder of states in use (--root)", ["--root", `${dir}/other`]],
  ] as const)
    test(`are not seen by ${name}`, () => {
      // Once in /run itself, once as a file system of its own, as some hosts have it.
      for (const mounted of ["", "mount -t tmpfs -o mode=700 tmpfs /run/contain"]) {
        const { stdout, stderr } = isolated(`
          mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/contain /run/user/65534 ${dir}/chroot; chmod 700 /run/contain; ${mounted}
          mount -t tmpfs tmpfs /srv; mkdir -p /srv/copy/run; mount --rbind /run /srv/copy/run
          mount --bind ${rootfs} ${dir}/chroot; mount --rbind /run ${dir}/chroot/run
          chown 65534 /run/user/65534
          contain run -qdt --name other --env ${SECRET} --rootfs ${rootfs} -- sleep 1000 >/dev/null
          XDG_RUNTIME_DIR=/run/user/65534 nobody contain run -qd --ns pid,uts,mnt,ipc --name theirs --env ${SECRET} --rootfs ${rootfs} -- sleep 1000 >/dev/null || echo not started
          contain run -q ${words.join(" ")} -- /bin/sh -c '${LOOK}'
          contain list | grep -c other
          contain stop --grace 0 other; contain rm other
          XDG_RUNTIME_DIR=/run/user/65534 nobody sh -c 'contain stop --grace 0 theirs; contain rm theirs'`);
        assert.equal(stdout, "1\n", stderr);
      }
    });

  for (const words of [`--rootfs ${rootfs} --overlay-lower ${dir}/lower`, `--rootfs ${dir}/lower --overlay`])
    test(`are not seen by a layer: ${words.replaceAll(dir, "")}`, () => {
      const { stdout, stderr } = isolated(`
        export CONTAIN_ROOT=${dir}/lower/run/contain
        mkdir -p ${dir}/lower; cp -a ${rootfs}/. ${dir}/lower
        contain run -qdt --name other --env ${SECRET} --rootfs ${rootfs} -- sleep 1000 >/dev/null
        contain run -q ${words} -- /bin/sh -c '${LOOK}'
        contain list | grep -c other
        contain stop --grace 0 other; contain rm other`);
      assert.equal(stdout, "1\n", stderr);
    });

  test("are not seen by another container of the same ordinary user", () => {
    const { stdout, stderr } = isolated(`
      mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/user/65534; chown 65534 /run/user/65534
      nobody env XDG_RUNTIME_DIR=/run/user/65534 sh -c '
        contain run -qdt --name other --env ${SECRET} --rootfs ${rootfs} -- sleep 1000 >/dev/null
        contain run -q -- /bin/sh -c "ls -A /run/user/65534/contain; grep -rs ${SECRET} /run/user"
        contain list | grep -c other; contain stop --grace 0 other; contain rm other'`);
    assert.equal(stdout, "1\n", stderr);
  });

  test("a folder that is a volume of its own is there, as the caller wants it", () => {
    const { stdout, stderr } = isolated(`
      mount -t tmpfs -o mode=700 tmpfs /run/contain
      contain run -q --rootfs ${rootfs} --volume /run/contain:/mnt -- /bin/sh -c 'ls /mnt | grep -c .'`);
    assert.equal(stdout, "1\n", stderr);
  });

  test("a volume that shares its mounts with the host brings no mount of ours there", () => {
    const { stdout, stderr } = isolated(
      `mount -t tmpfs -o mode=755 tmpfs /run; mkdir -m 700 /run/contain; mount --make-shared /run; before
      contain run -q --rootfs ${rootfs} --mount type=bind,source=/run,target=/mnt,bind-propagation=shared -- /bin/true; same
      contain run -q --rootfs ${rootfs} --mount type=bind,source=/run,target=/mnt,bind-propagation=slave -- /bin/sh -c "ls -A /mnt/contain"; same`,
    );
    assert.deepEqual([stdout, stderr], ["", ""]);
  });

  test("pivot --hide: an empty read-only tmpfs, nothing for what is not there, and nothing on the host", () => {
    const { stdout, stderr } = isolated(`
      mkdir -p ${dir}/secret; echo x >${dir}/secret/file; before
      pivot --hide ${dir}/secret --hide /not/there --hide ${dir}/secret/file --rw / -- sh -c 'ls -A ${dir}/secret; touch ${dir}/secret/new; grep -o " ${dir}/secret tmpfs ro,nosuid,nodev,noexec" /proc/mounts'
      same; ls ${dir}/secret`);
    assert.match(stderr, /Read-only file system/);
    assert.equal(stdout, ` ${dir}/secret tmpfs ro,nosuid,nodev,noexec\nfile\n`);
  });
});

describe("the terminal of a container", { ...need("root", "nsenter", "unshare", "perl", "setpriv"), timeout: 120_000 }, () => {
  const world = new World("hidden");
  after(() => world.sweep());
  /** Connects, and says whether it was given a byte, with which the descriptor comes. */
  const CONNECT =
    'use Socket; chdir shift; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!"; connect($s, sockaddr_un("attach")) or die "connect: $!"; print sysread($s, my $b, 1) ? "given\\n" : "refused\\n"';

  for (const [name, words, answer] of [
    ["of the host, where `contain attach` runs", [], "given"],
    ["in a PID namespace of its own", ["unshare", "--pid", "--fork"], "refused"],
    ["in a user namespace of its own, as root there", ["unshare", "--user", "--map-root-user"], "refused"],
    ["in a container of the host's root", ["CONTAIN"], "refused"],
    ["in a confined container", ["CONTAIN", "--confine", "--net", "host"], "refused"],
  ] as const)
    test(`is ${answer} to a process ${name}`, async () => {
      const box = await world.start(["--quiet", "--tty", "--rootfs", rootfs, "--", "sleep", "1000"]);
      const [first, ...more] = words;
      const folder = `/run/contain/${box.id}`;
      // The folder itself as a volume: what would come of it if one saw it.
      const before = first === "CONTAIN" ? ["contain", "run", "-q", "--volume", "/run/contain:/run/contain", ...more, "--"] : [...words];
      const { stdout, stderr } = world.run([...before, "perl", "-e", CONNECT, folder]);
      assert.equal(stdout, `${answer}\n`, stderr);
      process.kill(box.supervisor, "SIGKILL");
      await box.ended;
    });

  test("files of a state are for their owner alone", async () => {
    const { stdout } = world.sh(`umask 000
      id=$(contain run -qdt --net veth --env ${SECRET} --rootfs ${rootfs} -- sleep 1000 2>/dev/null || contain run -qdt --rootfs ${rootfs} -- sleep 1000)
      find /run/contain -perm /077 ! -type l ! -type s ! -name hosts ! -name resolv.conf ! -name hostname; find /run/contain -maxdepth 1 -type d -perm /077
      contain stop --grace 0 $id; contain rm $id`);
    assert.equal(stdout, "");
  });
});
