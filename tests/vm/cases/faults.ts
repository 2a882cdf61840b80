// Faults on the cgroup side of `contain run`: each call there fails once, or the supervisor is killed at it, with limits on.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

export const faultCases: readonly Case[] = [
  {
    name: "faults: each call of contain run on its cgroup fails in turn, or is the supervisor's last; nothing is left",
    script: `
      box() { strace -f -qq -o "$log" "$@" contain run --quiet --rootfs "$ROOTFS" --memory 64M --pids 64 -- /bin/true; }
      log=calls
      box -y -e trace=mkdir,rmdir,openat,write,clone3
      # Which call of its process it is, since strace counts so: what changes a group, and clone3, which puts a process into one.
      awk '{ name = $2; sub(/\\(.*/, "", name); n = ++seen[$1 " " name] }
        name == "clone3" && /CLONE_NEW/ || /sys.fs.cgroup.*(contain-|subtree_control)/ && (name != "openat" || /O_WRONLY/) { print name, n }' calls |
        sort | uniq >all
      while read -r name when; do
        echo "$name error=EPERM $when"
        [ $name = openat ] || echo "$name signal=KILL $when"
      done <all >faults
      rm calls all
      log=/dev/null
      done=0
      while read -r name how when; do
        box -e trace=$name -e inject=$name:$how:when=$when 2>said
        status=$?
        done=$((done + 1))
        [ $how = signal=KILL ] && continue
        grep -e 'this is a bug' -e '^ *at ' said && echo "at $name $how $when"
        [ $status = 0 ] || [ -s said ] || echo "silent: $name $how $when, status $status"
        left=$(ls -d $cg/contain-* /run/contain/* 2>/dev/null)
        for state in $left; do grep -qx "$state" known 2>/dev/null || [ $name = rmdir ] || { echo "left at $name $how $when: $state"; cat said; }; done
        echo "$left" >known
      done < <((grep -v KILL faults; grep KILL faults) | awk 'NR % 2')
      contain gc >/dev/null
      ls -A /run/contain; ls -d $cg/contain-* 2>/dev/null
      echo "faults $done of $(wc -l <faults), calls $(cut -d ' ' -f 1 faults | sort | uniq -c | tr -s ' \\n' ' ')"
      rm -f said known faults`,
    check({ stdout }) {
      const [, done = "0", all] = /^faults (\d+) of (\d+), calls .*\n$/.exec(stdout) ?? [];
      assert.ok(Number(all) >= 16 && Number(done) >= Number(all) / 2, stdout);
      console.log(`fault matrix on cgroup v2: ${done} of ${all}`); // a start under strace takes two seconds in the machine
    },
  },
];
