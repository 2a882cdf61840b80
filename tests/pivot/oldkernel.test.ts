// Kernels and seccomp filters that lack a system call: the way around it gives the same, or it is refused and said why.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isolated, readMounts } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { testOnce } from "../helpers/second.ts";

const dir = scratch("old");
const rootfs = makeRootfs(dir);
const AS_NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups";
const without = (call: string, command: string) =>
  `timeout -s KILL 60 strace -f -qq -o ${dir}/log -e inject=${call}:error=ENOSYS ${command}; echo "status $?"; grep -q '${call}.*INJECTED' ${dir}/log || echo "not met: ${call}"`;

const staged = `
  mount -t tmpfs -o nosuid,nodev,noexec,noatime none ${rootfs}/mnt; mkdir ${rootfs}/mnt/a
  mount -t tmpfs -o nodiratime,strictatime none ${rootfs}/mnt/a; mount -t tmpfs -o nosymfollow none ${rootfs}/home
  mkdir "${rootfs}/mnt/a b"; mount -t tmpfs none "${rootfs}/mnt/a b"; touch ${rootfs}/mnt/file; mount --bind /etc/passwd ${rootfs}/mnt/file; chmod 777 ${dir}`;

describe("a kernel that lacks", need("root", "strace", "unshare"), () => {
  for (const [what, command] of [
    ["a rootfs", `pivot ${rootfs} -- /bin/cat /proc/self/mountinfo`],
    ["a volume", `pivot ${rootfs} --ro-bind ${rootfs}/mnt:/usr -- /bin/cat /proc/self/mountinfo`],
    [
      "what is nodev",
      `pivot ${rootfs} --rw --nodev --bind ${rootfs}/mnt:/usr --mount type=tmpfs,target=/tmp,ro -- /bin/cat /proc/self/mountinfo`,
    ],
    ["the host's /", "pivot / -- /bin/cat /proc/self/mountinfo"],
    ["a user namespace", `${AS_NOBODY} env PATH="$PATH" contain run -q --rootfs ${rootfs} -- /bin/cat /proc/self/mountinfo`],
  ] as const) {
    testOnce(`mount_setattr (before 5.12): the remount gives ${what} the same flags`, () => {
      const { stdout, stderr } = isolated(
        `${staged}
        ${command}; echo split; ${without("mount_setattr", command)}`,
        { timeout: 120_000 },
      );
      assert.equal(stderr, "");
      const [now = "", then = ""] = stdout.split("split\n");
      assert.match(then, /\nstatus 0\n$/);
      const flags = (text: string) => [...readMounts(text).values()].map(({ point, flags: list }) => `${point} ${list}`).sort();
      assert.deepEqual(flags(then), flags(now));
      assert.ok(flags(now).length > 8, now);
    });
  }

  testOnce("openat2 (before 5.6): refused, since links could lead to the host", () => {
    const { stdout, stderr } = isolated(
      `before; ${without("openat2", `pivot ${rootfs} -- /bin/echo ran`)}; ${without("openat2", `pivot --rw ${rootfs} -- /bin/echo ran`)}; same`,
    );
    assert.equal(stdout, "status 125\nstatus 125\n");
    assert.equal(
      stderr.match(/openat2\(.*ENOSYS.*\n +openat2\(2\) came with Linux 5\.6; without it a symbolic link .* so we stop/g)?.length,
      2,
      stderr,
    );
  });

  for (const [call, command, output] of [
    ["close_range", `pivot ${rootfs} -- /bin/echo ran`, "ran\n"],
    ["clone3", `nsexec --pid --uts --mount -- pivot --no-unshare ${rootfs} -- pid1 /bin/sh -c 'echo $$'`, "2\n"],
    ["clone3", "contain run -q -- /bin/sh -c 'echo $$; hostname; tail -n 1 /proc/self/cgroup'", "1\nsandbox\n0::/\n"],
    ["clone3", `${AS_NOBODY} env PATH="$PATH" contain run -q --rootfs ${rootfs} -- /bin/sh -c 'echo $$'`, "1\n"],
  ] as const) {
    test(`${call}: done another way: ${command.replaceAll(dir, "").replace(/^setpriv.*contain/, "nobody: contain")}`, () => {
      const { stdout, stderr } = isolated(`chmod 777 ${dir}; ${without(call, command)}`, { timeout: 120_000 });
      assert.equal(stderr, "");
      assert.equal(stdout, `${output}status 0\n`);
    });
  }
});
