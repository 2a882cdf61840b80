// contain diff: what an overlay has over its root, with docker's letters.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run, sh } from "../helpers/run.ts";

const dir = scratch("diff");
const rootfs = makeRootfs(dir);
const env = { CONTAIN_ROOT: join(dir, "states") };
const start = (name: string, ...words: string[]) =>
  run(["contain", "run", "-q", "-d", "--name", name, "--rootfs", rootfs, ...words, "--", "sleep", "600"], { env });
const diff = (...words: string[]) => run(["contain", "diff", ...words], { env });

describe("contain diff", need("root"), () => {
  after(() => run(["contain", "rm", "-f", "kept", "memory", "plain", "layers"], { env }));
  sh(
    `cd ${rootfs}; mkdir -p d/keep d/gone k; echo 1 >d/keep/file; echo 1 >d/changed; echo 1 >d/deleted; echo 1 >d/gone/x; ln -s a d/link; echo 1 >k/kind`,
  );

  for (const [name, ...words] of [
    ["memory", "--overlay"],
    ["kept", `--overlay=${join(dir, "kept")}`],
  ] as const)
    test(`additions, changes and deletions: ${words}`, () => {
      assert.equal(start(name, ...words).status, 0);
      assert.equal(diff(name).stdout, "");
      const script = `cd /d; echo 22 >changed; rm deleted; rm -r gone; ln -sf b link; mkdir new; echo 1 >new/file; chmod 600 keep/file; cd /k; rm kind; mkdir kind; echo 1 >kind/x; echo x >/tmp/mounted; echo x >/dev/shm/x`;
      assert.equal(run(["contain", "exec", name, "--", "sh", "-c", script], { env }).status, 0);
      const lines =
        "C /d,C /d/changed,D /d/deleted,D /d/gone,C /d/keep,C /d/keep/file,C /d/link,A /d/new,A /d/new/file,C /k,C /k/kind,A /k/kind/x";
      assert.equal(diff(name).stdout, `${lines},C /tmp,A /tmp/mounted`.replaceAll(",", "\n").concat("\n"));
    });

  test("refused: no overlay, more than one layer below, no container, one that has ended", () => {
    mkdirSync(join(dir, "lower"));
    writeFileSync(join(dir, "lower/x"), "");
    start("plain", "--rw");
    start("layers", "--overlay", "--overlay-lower", join(dir, "lower"));
    run(["contain", "run", "-q", "-d", "--name", "over", "--overlay", "--rootfs", rootfs, "--", "true"], { env });
    run(["contain", "wait", "over"], { env });
    for (const [name, message] of [
      ["plain", /plain has no overlay\n +contain run --overlay/],
      ["layers", /layers has layers of --overlay-lower/],
      ["over", /is not running: its status is exited/],
      ["nobody", /no such container/],
    ] as const) {
      const { status, stderr } = diff(name);
      assert.match(stderr, message);
      assert.equal(status, 125);
    }
    run(["contain", "rm", "over"], { env });
  });
});
