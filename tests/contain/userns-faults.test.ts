// Each system call that makes a container of --userns auto fails in turn, or its process is killed there: it is told, nothing is left,
// and the range of ids is free again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { countCalls, runWithFault } from "../helpers/faults.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { within } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

const CALLS = ["open_tree", "mount_setattr", "move_mount", "fsmount", "pivot_root", "clone3", "setresuid", "write", "flock"] as const;
const LINE = "containers:4026531840:65536\n"; // one range: a second container could not start beside it; userns.test.ts has others

describe("faults while a container of --userns auto starts", { ...need("root", "strace", "nsenter"), timeout: 900_000 }, () => {
  const dir = scratch("userns-faults");
  const rootfs = makeRootfs(dir);
  const world = new World("userns-faults");
  const ids = subordinateIds(world, dir);
  const argv = ["contain", "run", "-q", "--userns", "auto", "--rootfs", rootfs, "--volume", `${dir}:/mnt`, "--", "true"];
  const place = (words: readonly string[]) => world.enter(words);
  let calls: Map<string, number>;
  let runtime: Map<string, number>;
  const told: string[] = [];

  before(() => {
    ids.set(LINE);
    calls = countCalls(argv, CALLS, dir, place);
    runtime = countCalls(["nsexec", "--version"], CALLS, dir, place);
  });
  after(() => console.log(`faults: ${told.length}`));

  const failedAt = (text: RegExp) =>
    assert.ok(
      told.some((what) => text.test(what)),
      `none of ${told.length} was ${text}`,
    );

  const left = () =>
    world.sh(`ls -A /run/contain; ls -d ${world.top}/*/contain-* ${world.top}/contain-*; cut -d ' ' -f 3- /proc/self/mountinfo`).stdout;

  for (const syscall of CALLS) {
    for (const how of ["error=EPERM", "signal=KILL"] as const) {
      test(`${syscall} ${how}`, async () => {
        const first = left();
        const from = (runtime.get(syscall) ?? 0) + 1;
        for (let when = from; when <= (calls.get(syscall) ?? 0); when += how === "signal=KILL" ? 2 : 1) {
          const { status, signal, stderr } = await runWithFault(argv, { syscall, when, how }, place);
          const what = `${syscall} ${when} ${how}: status ${status}, signal ${signal}: ${stderr}`;
          told.push(what);
          if (how === "error=EPERM") {
            if (status !== 0) assert.match(stderr, /^(nsexec|pivot|contain|cgset): .+\n/, what);
            // The first clone3 of two is one that the kernel is to refuse.
            assert.ok(status === 125 || (status === 0 && (syscall === "write" || syscall === "clone3")), what);
            assert.doesNotMatch(stderr, /this is a bug/, what);
          } else assert.notEqual(status, 0, what);
          if (how === "signal=KILL") world.sh("contain gc");
          await within(30_000, () => left() === first);
          assert.equal(left(), first, what);
        }
        const again = world.run(argv);
        assert.equal(again.status, 0, `the range is free again: ${again.stderr}`);
      });
    }
  }

  test("the steps that count were among them", () => {
    failedAt(/status 125.*write\("\/proc\/\d+\/uid_map.*EPERM/);
    failedAt(/status 125.*write\("\/proc\/\d+\/gid_map.*EPERM/);
    failedAt(/status 125.*flags=CLONE_NEWNS\|CLONE_CLEAR_SIGHAND,.*EPERM/);
    failedAt(/status 125.*cannot be shifted.*EPERM/);
    failedAt(/move_mount \d+ error=EPERM: status 125.*nsexec: move_mount/);
  });
});
