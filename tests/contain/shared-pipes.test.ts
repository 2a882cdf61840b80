// /dev/stdin, /dev/stdout and /dev/stderr opened anew by a program of another user, who does not own the pipes that they are.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const IDS = "containers:2281701376:655360\n";
const MAPS = "--map-users 0:100000:65536 --map-groups 0:100000:65536";
const DETACHED = "start --rootfs $R";

describe("standard pipes of another user", need("root", "unshare", "nsenter"), () => {
  const dir = scratch("pipes");
  const rootfs = makeRootfs(dir);
  const world = new World("pipes");
  const ids = subordinateIds(world, dir);
  beforeEach(() => ids.set(IDS));

  // `start` gives a container that exec is tried in; what is not known to be a pipe is made one by cat.
  const PRELUDE = `
    start() { id=$(contain run -qd "$@" -- sleep 600); }
    finish() { contain kill $id; contain wait $id >/dev/null 2>&1; contain rm $id; }`;
  const inside = (script: string) =>
    world.run(["sh", "-c", `${PRELUDE}\n${script}`], {
      env: { PATH: `${bin}:${process.env["PATH"]}`, R: rootfs, S: "read x </dev/stdin; echo $x >/dev/stdout; id -u >/dev/stderr" },
    });

  for (const [uid, command] of [
    [1000, "contain run -q --rootfs $R --user 1000 --"],
    [1000, "contain run -q --rootfs $R --user 1000:7 --confine --"],
    [1000, "contain run -q --rootfs $R --user 1000 --confine --cap-drop all --init --"],
    [1000, "contain run -q --rootfs $R --user 1000 --init --"],
    [1000, "contain run -q --rootfs $R --user 1000 --ns user,pid,mnt --"],
    [1000, "contain --chain exec run -q --rootfs $R --user 1000 --"],
    [0, "contain run -q --rootfs $R --userns auto --"],
    [1000, "contain run -q --rootfs $R --userns auto --user 1000 --"],
    [1000, "contain run -q --rootfs $R --userns auto --user 1000 --init --confine --"],
    [0, "contain --chain exec run -q --rootfs $R --userns auto --"],
    [1000, "nsexec --mount --pid -- pivot $R --user 1000 --"],
    [1000, "nsexec --mount --pid -- pivot $R --user 1000 -- pid1 --"],
    [1000, "nsexec --setuid 1000 --setgid 1000 --"],
    [1000, "nsexec --as 1000 --"],
    [1000, "confine --user 1000 --"],
    [0, `nsexec ${MAPS} --user --setuid 0 --setgid 0 --`],
    [1000, `nsexec ${MAPS} --user --setuid 1000 --setgid 1000 --`],
    [1000, `${DETACHED} --user 1000; contain exec $id --`],
    [77, `${DETACHED} --user 1000; contain exec --user 77 $id --`],
    [77, `${DETACHED} --confine; contain exec --user 77 $id --`],
    [0, `${DETACHED} --userns auto; contain exec $id --`],
    [77, `${DETACHED} --userns auto; contain exec --user 77 $id --`],
    [77, `${DETACHED} --userns auto --confine; contain exec --user 77 $id --`],
  ] as const) {
    test(`${command} opens them`, () => {
      const [before, last] = command.startsWith("start") ? command.split("; ") : ["", command];
      const script = `${before}\n(echo in | ${last} sh -c "$S" 2>&1) | cat\n${before === "" ? "" : "finish"}`;
      const { stdout, stderr } = inside(script);
      assert.deepEqual([stdout, stderr], [`in\n${uid}\n`, ""]);
    });
  }

  for (const options of ["--user 1000", "--userns auto", "--userns auto --user 1000 --init", "--user 1000 --confine"]) {
    test(`the log's, of run --detach ${options}`, () => {
      const script = `id=$(contain run -qd --rootfs $R ${options} -- sh -c 'echo out >/dev/stdout; echo err >/dev/stderr')
        contain wait $id; contain logs --stdout $id; contain logs --stderr $id; contain rm $id`;
      assert.deepEqual(inside(script).stdout, "0\nout\nerr\n");
    });
  }

  test("a program that becomes another user by itself opens the log's", () => {
    const script = `id=$(contain run -qd -- setpriv --reuid 1000 --clear-groups sh -c 'echo out >/dev/stdout')
        contain wait $id; contain logs $id; contain rm $id`;
    assert.deepEqual(inside(script).stdout, "0\nout\n");
  });

  test("only in the direction that they have, and what is no pipe stays as it was", () => {
    const file = join(dir, "file");
    writeFileSync(file, "", { mode: 0o600 });
    const script = `mkfifo -m 600 ${dir}/fifo
      (echo in | contain run -q --rootfs $R --user 1000 -- sh -c 'cat <&1 </dev/stdout' 2>&1) | cat
      contain run -q --rootfs $R --user 1000 -- sh -c 'echo out >/dev/stdout' >>${file} 2>/dev/null
      contain run -q --rootfs $R --user 1000 -- true <>${dir}/fifo
      stat -c %a:%u ${file} ${dir}/fifo /dev/null; rm ${dir}/fifo`;
    const { stdout } = inside(script);
    assert.match(stdout, /^sh: .*(?:denied|cannot open).*\n600:0\n600:0\n666:0\n$/);
    assert.deepEqual([readFileSync(file, "utf8"), statSync(file).uid], ["", 0]);
  });

  test("the caller keeps its own", () => {
    const script =
      "(contain run -q --rootfs $R --userns auto --user 1000 -- true; stat -L -c %u /dev/stdout; echo mine >/dev/stdout) | cat";
    assert.equal(inside(script).stdout, "0\nmine\n");
  });
});
