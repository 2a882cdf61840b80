// A host whose mounts are shared, as systemd makes them: nothing may travel out of a container, and the host can still unmount.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";

const dir = scratch("shared");
const rootfs = makeRootfs(dir);
const onShared = join(dir, "mount/rootfs"); // its parent mount is shared

/** A rootfs on a shared mount, with a mount of its own below it. */
const staged = `
  mkdir -p ${dir}/mount; mount -t tmpfs none ${dir}/mount; mount --make-shared ${dir}/mount
  cp -a ${rootfs} ${onShared}; mount -t tmpfs none ${onShared}/mnt
  grep -q '${onShared}/mnt .* shared:' /proc/self/mountinfo || echo "not shared"`;

describe("a host with shared mounts", need("root", "unshare"), () => {
  for (const command of [
    `pivot ${onShared} --rw --sys --tmpfs /tmp --bind /etc:/mnt -- /bin/true`,
    "pivot / -- /bin/true",
    `nsexec --mount -- pivot --no-unshare ${onShared} -- /bin/true`,
    `nsexec --mount --propagation slave -- pivot --no-unshare ${onShared} -- /bin/true`,
    `nsexec --mount --propagation unchanged -- pivot --no-unshare ${onShared} -- /bin/true`,
    `nsexec --mount --propagation shared -- pivot ${onShared} -- /bin/true`,
    `nsexec --mount -- mount -t tmpfs none ${dir}/mount`,
    `nsexec --mount --propagation slave -- mount -t tmpfs none ${dir}/mount`,
    "nsexec --pid --mount-proc -- /bin/true",
    `nsexec --pid --mount -- pivot --no-unshare ${onShared} -- pid1 /bin/true`,
    "contain run --quiet -- /bin/true",
    `contain run --quiet --rw --init --rootfs ${onShared} -- /bin/true`,
    `nobody env PATH="$PATH" contain run --quiet --rootfs ${onShared} -- /bin/true`,
  ]) {
    test(`nothing travels out: ${command.replaceAll(dir, "").replace('env PATH="$PATH" ', "")}`, () => {
      const { stdout, stderr } = isolated(`${staged}\nbefore; ${command}; echo $?; same`, { shared: true });
      assert.equal(stderr, "");
      assert.equal(stdout, "0\n");
    });
  }

  test("a mount made inside stays inside, one made on the host after the start does not come in", () => {
    const { stdout, stderr } = isolated(
      `${staged}
      mkfifo ${dir}/go; before
      contain run -q --rootfs ${onShared} --rw -- /bin/sh -c 'mount -t tmpfs none /home && echo mounted; read x; grep -c " /tmp " /proc/self/mountinfo' <${dir}/go >${dir}/out &
      exec 3>${dir}/go; until grep -qs mounted ${dir}/out; do sleep 0.05; done; same inside
      mount -t tmpfs none ${onShared}/tmp; echo >&3; wait; umount ${onShared}/tmp; same after; cat ${dir}/out`,
      { shared: true },
    );
    assert.equal(stderr, "");
    assert.equal(stdout, "mounted\n0\n");
  });

  for (const command of [`pivot ${onShared}`, `contain run -q --rootfs ${onShared}`, "contain run -q"]) {
    test(`the host can unmount what we have a copy of: ${command.replaceAll(dir, "")}`, () => {
      const { stdout, stderr } = isolated(
        `${staged}
        mkfifo ${dir}/hold; before
        ${command} -- /bin/sh -c 'echo started; read x' <${dir}/hold >${dir}/out & exec 3>${dir}/hold; until grep -qs started ${dir}/out; do sleep 0.05; done; cat ${dir}/out
        umount ${onShared}/mnt && echo unmounted; mount -t tmpfs none ${onShared}/mnt
        echo >&3; wait; rm ${dir}/hold ${dir}/out`,
        { shared: true },
      );
      assert.equal(stderr, "");
      assert.equal(stdout, "started\nunmounted\n");
    });
  }
});
