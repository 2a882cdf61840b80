// Whatever is killed, at whatever moment, and however often it runs: contain leaves no process, mount, namespace or group.
import assert from "node:assert/strict";
import { readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Group, hierarchy, makeGroup } from "../helpers/group.ts";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { start } from "../helpers/started.ts";
import { pause } from "../helpers/wait.ts";

const dir = scratch("kill");
const rootfs = makeRootfs(dir);
const inCgroup = hierarchy === undefined ? { skip: "needs cgroup v2" } : need("root", "unshare");

/**
 * Everything runs in this group, and in a mount namespace where it is the top of the hierarchy, so its containers' groups are below
 * it; their states are in a /run that goes with the namespace.
 */
const enter = (group: Group) => `mount -t tmpfs none /run; mount --bind ${group.dir} ${hierarchy}; echo $$ >${hierarchy}/cgroup.procs`;
const groupsIn = (group: Group) => readdirSync(group.dir).filter((name) => name.startsWith("contain-"));

/** The milliseconds in which a container starts, with some more: 80 on an idle machine. */
async function startTime(): Promise<number> {
  const from = Date.now();
  const run = start(`exec contain run -q --init --rootfs ${rootfs} -- /bin/true`);
  await run.gone;
  return Math.max(80, (Date.now() - from) * 1.2);
}

describe("kill -9", inCgroup, () => {
  for (const [what, options] of [
    ["the supervisor", ""],
    ["the supervisor, with --init", "--init"],
    ["any process", ""],
    ["any process, with --init and --chain exec", "--init --chain exec"],
  ] as const) {
    test(`of ${what}, 25 times, at any moment of its start: no process is left`, async () => {
      const group = makeGroup(`kill-${what.length}`);
      try {
        const moments = await startTime();
        for (let i = 0; i < 25; i++) {
          // unshare(1) and the last exec keep the PID: it becomes the supervisor's.
          const run = start(
            `exec unshare --mount --propagation private sh -c '${enter(group)}; echo go; exec contain run -q ${options} --rootfs ${rootfs} -- /bin/sleep 30'`,
          );
          await run.shows("go");
          await pause((i / 25 + Math.random() / 25) * moments);
          const all = group.processes();
          const pid = what.startsWith("any") ? all[Math.floor(Math.random() * all.length)] : run.child.pid;
          if (pid !== undefined) kill(pid);
          // A launcher's subshell may have been hit, and the container runs on.
          await Promise.race([run.gone, pause(200).then(() => run.child.kill("SIGKILL"))]);
          await run.gone;
          assert.deepEqual(await group.emptied(30_000), [], `try ${i}`);
          for (const name of groupsIn(group)) rmdirSync(join(group.dir, name)); // an empty group may stay
        }
      } finally {
        await group.remove();
      }
    });
  }

  test("of the supervisor ends the container though a process inside has a session of its own and ignores signals", async () => {
    const group = makeGroup("session");
    after(() => group.remove());
    const run = start(
      `exec unshare --mount --propagation private sh -c '${enter(group)}; exec contain run -q --init --rootfs ${rootfs} -- /bin/sh -c "trap : TERM HUP; setsid sleep 60 & echo ready; wait"'`,
    );
    await run.shows("ready");
    assert.ok(group.processes().length >= 4, "supervisor, pid1, sh, sleep");
    run.child.kill("SIGKILL");
    await run.gone;
    assert.deepEqual(await group.emptied(30_000), []);
  });
});

describe("many runs", inCgroup, () => {
  const count = Number(process.env["CONTAIN_RUNS"] ?? 104);
  test(`${count}, four at a time, one in eight failing: no process, mount, group or state is left`, async () => {
    const group = makeGroup("many");
    try {
      const { stdout, stderr } = isolated(
        `${enter(group)}
        before
        seq ${count} | xargs -P 4 -I {} sh -c '
          case $(({} % 8)) in
          0) contain run -q --rootfs ${rootfs} -- none 2>/dev/null; [ $? = 127 ] ;;
          1) contain run -q --init --rootfs ${rootfs} -- /bin/sh -c "sleep 9 & exit 3"; [ $? = 3 ] ;;
          2) contain run -q --init -- /bin/sh -c "kill -9 \\$\\$"; [ $? = 137 ] ;;
          3) contain run -q --set cgroup.max.descendants=3 -- /bin/true ;;
          4) nsexec --pid --uts -- pivot ${rootfs} --tmpfs /tmp -- pid1 /bin/true ;;
          *) contain run -q --rootfs ${rootfs} -- /bin/true ;;
          esac || echo "run {}: $?"'
        same; ls -d ${hierarchy}/contain-* /run/contain/* 2>/dev/null`,
        { timeout: 240_000 + count * 500 },
      );
      assert.equal(stderr, "");
      assert.equal(stdout, "");
      assert.deepEqual(await group.emptied(30_000), []);
    } finally {
      await group.remove();
    }
  });
});

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended meanwhile
  }
}
