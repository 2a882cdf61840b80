// Device lists beside limits, on a kernel that has all controllers on cgroup v2.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

export const deviceCases: readonly Case[] = [
  {
    name: "contain run --confine with limits: a device node that is made cannot be opened, one that is given can, and so for contain exec",
    script: `
      try='mknod /dev/shm/k c 1 11; ( : >/dev/shm/k ) && echo "made: opened"; ( : >/dev/given ) && echo "given: opened"; echo x >/dev/null && head -c 3 /dev/zero | wc -c; rm /dev/shm/k'
      id=$(contain run -d -q --confine --memory 64M --device /dev/kmsg:/dev/given --rootfs $ROOTFS -- sleep 1000)
      contain exec $id -- sh -c "$try"
      contain kill $id >/dev/null; contain wait $id; contain rm $id
      contain run -q --confine --pids 20 --device /dev/kmsg:/dev/given --rootfs $ROOTFS -- sh -c "$try"`,
    check({ stdout, stderr }) {
      const once = "given: opened\n3\n";
      assert.equal(stdout, `${once}137\n${once}`, stderr);
      assert.equal(stderr.match(/\/dev\/shm\/k: Permission denied/g)?.length, 2, stderr);
    },
  },
  {
    name: "cgset --device beside limits: replaced when it is given again, untouched by new limits, and gone with the group",
    script: `
      try() { cgset --name devs -- /bin/sh -c '( : </dev/null ) && echo null; ( : </dev/zero ) && echo zero; ( : >/dev/kmsg ) && echo kmsg' 2>/dev/null; echo "--"; }
      cgset --name devs --pids 20 --device default 2>/dev/null; try
      cgset --name devs --memory 64M 2>/dev/null; try
      cgset --name devs --device "c 1:5 r" 2>/dev/null; show devs pids.max; try
      cgset --name devs --rm
      cgset --name devs --make; try; cgset --name devs --rm`,
    check({ stdout }) {
      assert.equal(stdout, "null\nzero\n--\nnull\nzero\n--\npids.max 20\nzero\n--\nnull\nzero\nkmsg\n--\n");
    },
  },
];
