#!/bin/bash
# PID 1 of the machine. Runs the cases $WORK/0, $WORK/1, … one after the other and leaves their results there as files; then ends
# every process and unmounts everything, since whatever is busy at that point is the hang at shutdown that nobody wants.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /run/scratch /run/contain /run/user/65534
chown 65534:65534 /run/user/65534
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd
. "$WORK/environment"
export TMPDIR=/run/scratch

# A file of the host's is read anew whenever it is opened: each start of the programs takes 30 % less when they are in memory (measured).
mkdir /run/programs
mount -t tmpfs tmpfs /run/programs
cp -a "$BIN/." /run/programs
mount --bind /run/programs "$BIN"

# What a case could leave: processes with a program (kernel threads and zombies have none), groups, mounts, files. Shell alone: a fork
# takes 20 ms here.
shopt -s globstar nullglob dotglob
everything() {
  local dir name place
  for dir in /proc/[0-9]*; do
    [ "${dir#/proc/}" = 1 ] || [ ! -e "$dir/exe" ] || { read -r name <"$dir/comm" && echo "process $name"; }
  done
  printf '%s\n' /sys/fs/cgroup/**/ /run/scratch/** /run/contain/** /run/user/**
  while read -r _ _ _ _ place _; do echo "mount $place"; done </proc/self/mountinfo
} 2>/dev/null
everything >/run/before
declare -A known
while read -r line; do known[$line]=1; done </run/before
left() {
  local line
  everything >/run/after
  while read -r line; do [ -n "${known[$line]-}" ] || echo "$line"; done </run/after
}

run_case() {
  local tries
  timeout -s KILL "$(<"$1/seconds")" bash -u "$1/script" </dev/null >"$1/stdout" 2>"$1/stderr"
  echo $? >"$1/status"
  for tries in {1..20}; do
    left >"$1/left"
    [ -s "$1/left" ] || return
    sleep 0.1
  done
  kill -KILL -1
  sleep 0.2
  find /sys/fs/cgroup -mindepth 1 -depth -type d -exec rmdir {} \;
  rm -rf /run/scratch/* /run/contain/* /run/user/65534/*
}

for ((i = 0; ; i++)); do
  [ -d "$WORK/$i" ] || break
  started=${EPOCHREALTIME/./}
  cd /run/scratch
  run_case "$WORK/$i"
  cd /
  echo $(((${EPOCHREALTIME/./} - started) / 1000)) >"$WORK/$i/milliseconds"
done

kill -KILL -1
while wait -n 2>/dev/null; do :; done
while read -r _ place _; do
  case $place in / | /proc) ;; *) echo "$place" ;; esac
done </proc/mounts >/run/mounts
mapfile -t places </run/mounts
for ((i = ${#places[@]} - 1; i >= 0; i--)); do umount "${places[i]}" || echo "left at shutdown: ${places[i]} is busy"; done
sync
echo "the machine halts"
halt -f
