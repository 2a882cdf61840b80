// Steps of the clock, which only a machine of one's own can make. No wait goes by it, and no age.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

const WAITS = ["stop", "exec", "linger", "lock"] as const;

/** Every wait of some seconds at once, each in the background with its length in `times`; then the clock steps. */
const script = (seconds: number) => `
  uptime() { local up; read -r up _ </proc/uptime; echo "\${up%.*}"; }
  timed() { local what=$1 from; shift; from=$(uptime); "$@" 2>>"said-$what"; echo "$what $? $(($(uptime) - from))" >>times; }
  trap 'date -s "@$(($(date +%s) - ${seconds}))" >/dev/null' EXIT
  contain run --name box --grace 6s --record record --rootfs "$ROOTFS" --volume "$PWD:/mnt" -- \\
    /bin/sh -c 'trap "" TERM; touch /mnt/up; while :; do sleep 1; done' 2>said-run &
  until_ok [ -e up ]
  contain exec --tty box -- /bin/sh -c 'trap "" HUP; touch /mnt/inside; while :; do sleep 1; done' >/dev/null &
  inside=$!
  until_ok [ -e inside ]
  timed linger unshare --pid --fork --mount-proc pid1 --linger 6s -- bash -c '
    bash -c "trap \\"touch lingers\\" TERM; touch straggles; while :; do sleep 0.2; done" & until [ -e straggles ]; do :; done; exit 3' &
  until_ok [ -e lingers ]
  flock /run/contain flock /run/contain/.lock sh -c 'touch locked; until [ -e stepped ]; do sleep 0.2; done; sleep 5' & # the folder's own lock is nobody's
  until_ok [ -e locked ]
  CONTAIN_TRACE=1 timed lock contain run --quiet --name named --rootfs "$ROOTFS" -- /bin/true &
  until_ok grep -q 'flock.*EAGAIN' said-lock
  kill -HUP $inside
  timed exec tail --pid=$inside -s 0.2 -f /dev/null &
  timed stop contain stop box &
  until_ok grep -q 'SIGKILL in 6.0 s' said-run
  date -s "@$(($(date +%s) + ${seconds}))" >/dev/null
  touch stepped
  contain list | grep box
  wait
  cat times
  grep -o '"t":[0-9]*' record | cut -d : -f 2 | sort -nc && echo sorted
  rm -f said-* up inside lingers straggles locked stepped record times`;

export const clockCases: readonly Case[] = [3600, -3600].map((seconds) => ({
  name: `the clock steps by ${seconds} s: no wait ends at once or takes longer, no age is negative`,
  script: script(seconds),
  check({ stdout, stderr }) {
    assert.equal(stderr, "");
    assert.match(stdout, /^[0-9a-f]{12} +box .* running +\d+(\.\d)? m?s ago /);
    for (const wait of WAITS) {
      const took = Number(new RegExp(`^${wait} [03] (\\d+)$`, "m").exec(stdout)?.[1]);
      assert.ok(took >= 4 && took < 40, `${wait} took ${took} s:\n${stdout}`);
    }
    assert.match(stdout, /^sorted$/m);
  },
}));
