#!/bin/sh
# PID 1 of a machine whose root is the initial rootfs. The host's files are at /host. Runs the cases $WORK/0, $WORK/1, … one after the
# other; each starts with the same mounts, and says which it has left.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t hostfs -o / none /host
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir /run/contain
. "/host$(sed 's/.*WORK=\([^ ]*\).*/\1/' /proc/cmdline)/environment"
cp -a "/host$ROOTFS" /tmp/rootfs
for name in lib lib64 usr; do [ -e "/tmp/rootfs/$name" ] || ln -s "host/$name" "/tmp/rootfs/$name"; done
mkdir -p /tmp/rootfs/host
mounts() { cut -d' ' -f4,5 /proc/self/mountinfo; }

for i in 0 1 2 3 4 5 6 7 8 9; do
  dir=/host$WORK/$i
  [ -d "$dir" ] || break
  mounts >/run/before
  cd /tmp
  sh "$dir/script" >"$dir/stdout" 2>"$dir/stderr" </dev/null
  echo $? >"$dir/status"
  cd /
  { mounts | diff /run/before - && find /run/contain /sys/fs/cgroup -mindepth 1 -type d; } >"$dir/left"
  echo 0 >"$dir/milliseconds"
done
echo "the machine halts"
halt -f
