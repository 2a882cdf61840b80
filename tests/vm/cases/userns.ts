// --userns auto with limits that are enforced, on a file system that has idmapped mounts, and the error on one that has none.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

export const usernsCases: readonly Case[] = [
  {
    name: "--userns auto: limits hold for ids of its own; a hostfs cannot be shifted, and that is said",
    script: `
      echo containers:2147483648:131072 >/run/scratch/subids
      mount --bind /run/scratch/subids /etc/subuid; mount --bind /run/scratch/subids /etc/subgid
      contain run -q --userns auto --rootfs "$ROOTFS" -- true; echo "status $?"
      mkfs.ext4 -q /dev/ubdb; mkdir -p /run/disk; mount /dev/ubdb /run/disk; cp -a "$ROOTFS" /run/disk/rootfs; mkdir /run/disk/data
      contain run --userns auto --rootfs /run/disk/rootfs --rw --volume /run/disk/data:/mnt --memory 32M --pids 20 -- /bin/sh -c \\
        'cat /proc/self/uid_map; touch /mnt/mine; chown 5:6 /mnt/mine; tail -n 1 /proc/self/cgroup; exec dd if=/dev/zero of=/dev/null bs=100M count=1'
      echo "status $?"; stat -c '%u %g' /run/disk/data/mine
      id=$(contain run -qd --userns auto --rootfs /run/disk/rootfs --memory 32M --confine --user 7 -- sleep 1000)
      show contain-$id memory.max; contain exec $id -- /bin/sh -c 'id -u; cat /proc/self/cgroup'
      contain stop --grace 0 $id; contain rm $id; ls /run/contain
      umount /run/disk /etc/subuid /etc/subgid; rmdir /run/disk; rm /run/scratch/subids`,
    check({ stdout, stderr }) {
      const map = "         0 2147483648      65536\n";
      assert.equal(stdout, `status 125\n${map}0::/\nstatus 137\n5 6\nmemory.max 33554432\n7\n0::/\n`);
      assert.match(
        stderr,
        /nsexec: the owners of .*rootfs \(hostfs on \/\) cannot be shifted: mount_setattr\(.*EINVAL.*\n +this file system has no idmapped mounts/,
      );
      assert.match(stderr, /\[contain\] .*memory=32M/);
      assert.match(stderr, /OOM/);
    },
  },
];
