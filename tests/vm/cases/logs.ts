// The log of a detached container whose limits are enforced.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

const WRITES = "dd if=/dev/zero bs=1M count=60 2>/dev/null; echo; echo written >&2";

export const logCases: readonly Case[] = [
  {
    name: "60 MB of output in a container of 24M are not charged to it",
    script: `
      id=$(contain run -qd --log-size max --memory 24M --rootfs "$ROOTFS" -- /bin/sh -c '${WRITES}')
      contain wait $id
      contain logs --stdout $id | wc -c; contain logs --stderr $id
      contain rm $id`,
    check({ stdout }) {
      assert.equal(stdout, `0\n${(60 << 20) + 1}\nwritten\n`);
    },
  },
];
