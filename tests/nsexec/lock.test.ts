// What a container gets read-only stays so, though its root may mount: nsexec --lock, by which an ordinary user's container is made.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, beforeEach, describe, test } from "node:test";
import { steadyMounts } from "../helpers/leftovers.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, type Result, type RunOptions, run } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const USER = 65534;

describe("read-only mounts of a container with a user namespace", need("root", "setpriv", "newuidmap"), () => {
  const world = new World("lock");
  const dir = scratch("lock");
  const ids = subordinateIds(world, dir);
  const rootfs = makeRootfs(dir);
  const [ro, rw, home] = ["ro", "rw", "home"].map((name) => join(dir, name)) as [string, string, string];
  before(() => {
    ids.set("nobody:300000:65536\n");
    for (const path of [ro, rw, home, join(rw, "deep"), join(rootfs, "vol"), join(rootfs, "vol2")]) mkdirSync(path);
    writeFileSync(join(ro, "file"), "");
    run(["chmod", "755", dir]);
    run(["chown", "-R", `${USER}:${USER}`, dir]);
  });
  beforeEach(() => {
    for (const place of [rootfs, ro, rw, join(rw, "deep")]) rmSync(join(place, "written"), { force: true });
  });

  const who = {
    user: ["setpriv", "--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups", "env", `XDG_RUNTIME_DIR=${home}`],
    root: ["env"],
  };
  const contain = (as: keyof typeof who, words: readonly string[], options?: RunOptions): Result =>
    world.run([...who[as], `PATH=${bin}:/usr/bin:/bin`, "contain", "run", "-q", ...words], options);
  /** Remounts each place writable, writes there, and says where that worked. */
  const attack = (...places: readonly string[]) => [
    "sh",
    "-c",
    `for at in ${places.join(" ")}; do
       mount -o remount,rw,bind $at 2>/dev/null; mount -o remount,rw $at 2>/dev/null
       if [ -d $at ]; then touch $at/written; else touch $at; fi 2>/dev/null && printf '%s ' $at
     done; echo end`,
  ];

  const cases: readonly (readonly [keyof typeof who, readonly string[], readonly string[], string])[] = [
    ["user", ["--rootfs", rootfs], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--init"], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--tty"], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--chain", "exec"], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--ns", "pid"], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--confine"], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--confine", "--cap-add", "sys_admin"], ["/"], ""],
    ["user", ["--rootfs", rootfs, "--rw"], ["/"], "/ "],
    ["user", ["--rootfs", rootfs, "--volume", `${ro}:/vol:ro`], ["/", "/vol"], ""],
    ["user", ["--rootfs", rootfs, "--volume", `${ro}/file:/etc/passwd:ro`], ["/etc/passwd"], ""],
    ["user", ["--rootfs", rootfs, "--rw", "--volume", `${ro}:/vol:ro`], ["/", "/vol"], "/ "],
    ["user", ["--rootfs", rootfs, "--volume", `${rw}:/vol`, "--volume", `${ro}:/vol2:ro`], ["/vol2", "/vol"], "/vol "],
    ["user", ["--rootfs", rootfs, "--volume", `${rw}:/vol:ro`, "--volume", `${rw}/deep:/vol2`], ["/vol", "/vol2"], "/vol2 "],
    ["user", ["--rootfs", rootfs, "--volume", `${rw}:/vol`, "--volume", `${rw}/deep:/vol2:ro`], ["/vol2"], ""],
    ["user", ["--volume", `${rw}:${rw}`, "--volume", `${ro}:${ro}:ro`], ["/", ro, rw], `${rw} `],
    ["user", ["--rootfs", rootfs, "--overlay"], ["/"], "/ "],
    ["user", ["--rootfs", rootfs, `--overlay=${rw}/layer`], ["/"], "/ "],
    ["user", ["--rootfs", rootfs, "--tmpfs", "/tmp"], ["/tmp", "/"], "/tmp "],
    ["root", ["--rootfs", rootfs, "--ns", "pid,mnt,user", "--volume", `${ro}:/vol:ro`], ["/", "/vol"], ""],
  ];
  for (const [as, words, places, written] of cases)
    test(`${as}: ${words.join(" ").replaceAll(dir, "…")}: ${places.join(" ").replaceAll(dir, "…")}`, () => {
      const before = steadyMounts(dir);
      const { stdout, stderr } = contain(as, [...words, "--", ...attack(...places)]);
      assert.equal(stdout.replaceAll("\r", ""), `${written}end\n`, stderr);
      assert.equal(existsSync(join(rootfs, "written")), words.includes("--rw") && places.includes("/"));
      assert.equal(existsSync(join(ro, "written")), false);
      assert.deepEqual(steadyMounts(dir), before, "nothing is left on the host");
    });

  test("a root that is the caller's directory", () => {
    const { stdout, stderr } = contain("user", ["--rootfs", ".", "--", ...attack("/")], { cwd: rootfs });
    assert.equal(stdout, "end\n", stderr);
  });

  test("what is exec'd in it has the same walls, and the script of --print-chain makes them", () => {
    const script = `
      id=$(contain run -q -d --rootfs ${rootfs} --volume ${ro}:/vol:ro -- sleep 100)
      contain exec $id -- "$@"
      contain kill $id >/dev/null; contain wait $id >/dev/null 2>&1; contain rm $id >/dev/null
      contain run --print-chain --rootfs ${rootfs} --volume ${ro}:/vol:ro -- "$@" | sh`;
    const { stdout, stderr } = world.run([...who.user, `PATH=${bin}:/usr/bin:/bin`, "sh", "-c", script, "sh", ...attack("/", "/vol")]);
    assert.equal(stdout, "end\nend\n", stderr);
  });

  test("everything else is root's as before: mounts, the host name, the network, other users", () => {
    const script =
      "mount -t tmpfs none /tmp && hostname other && ip link set lo mtu 1400 && mount -t proc proc /proc && umount /proc && chown 7:8 /tmp && stat -c %u:%g /tmp; id -G";
    const { stdout, stderr } = contain("user", ["--net", "none", "--volume", `${ro}:${ro}:ro`, "--", "sh", "-c", script]);
    assert.equal(stdout, "7:8\n0\n", stderr);
    assert.equal(contain("user", ["--rootfs", rootfs, "--user", "1000", "--", "id", "-u"]).stdout, "1000\n");
    const outside = contain("user", ["--rootfs", rootfs, "--volume", `${rw}:/vol`, "--user", "5:6", "--", "touch", "/vol/written"]);
    assert.notEqual(outside.status, 0, "another user may not write there");
  });

  test("nsexec --lock without a user namespace, or without a file, is refused", () => {
    for (const [words, message] of [
      [["--mount", "--lock", ro], /--lock: without a new user namespace/],
      [["-r", "--lock", "/none/such"], /no such file: --lock "\/none\/such"/],
      [["-r", "--unlocked", ro], /--unlocked is an exception to --lock/],
      [["-r", "-m", "--lock", ro, "--shift", ro], /--lock and --shift exclude each other/],
    ] as const) {
      const { status, stderr } = run([join(bin, "nsexec"), ...words, "true"]);
      assert.equal(status, 125);
      assert.match(stderr, message);
    }
  });

  test("a failure in between is told, and leaves no process and no mount", () => {
    const before = steadyMounts(dir);
    for (const helper of ["exit 1", "kill -9 $$"]) {
      world.sh(`mkdir -p ${dir}/bin; printf '#!/bin/sh\\n%s\\n' '${helper}' >${dir}/bin/newuidmap; chmod 4755 ${dir}/bin/newuidmap`);
      const words = ["contain", "run", "-q", "--rootfs", rootfs, "--", "true"];
      const { status, stderr } = world.run([...who.user, `PATH=${bin}:${dir}/bin:/usr/bin:/bin`, ...words]);
      assert.equal(status, 125);
      assert.match(stderr, /newuidmap \d+ 0 65534 1 1 300000 65536: exit status/);
    }
    assert.deepEqual(
      readdirSync(join(home, "contain")).filter((name) => /^[0-9a-f]{12}$/.test(name)),
      [],
    );
    assert.deepEqual(steadyMounts(dir), before);
  });
});
