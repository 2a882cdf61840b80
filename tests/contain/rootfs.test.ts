// contain rootfs: from a static busybox, or from the host's own programs with their libraries; a container runs in either.
import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { NOBODY, root, run, sh } from "../helpers/run.ts";

const dir = scratch("rootfs");
writeFileSync(join(dir, "file"), "");

/** Runs where the host has no busybox: its files are covered. */
const withoutBusybox = (script: string) =>
  isolated(`for b in $(command -v busybox) /bin/busybox /usr/bin/busybox; do [ ! -e $b ] || mount --bind /dev/null $b; done\n${script}`, {
    timeout: 60_000,
  });

describe("contain rootfs", need("root"), () => {
  test("from a static busybox: its applets, a few directories, an /etc", need("busybox"), () => {
    const rootfs = join(dir, "busybox");
    const { status, stderr } = sh(`umask 077; contain rootfs ${rootfs}`);
    assert.equal(status, 0);
    assert.match(stderr, /^\[contain\] busybox from \/\S+\/busybox \(static\)\n$/);
    assert.ok(lstatSync(join(rootfs, "bin/sh")).isSymbolicLink());
    for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr/bin"]) assert.ok(existsSync(join(rootfs, name)), name);
    const { stdout } = run(["contain", "run", "-q", "--rootfs", rootfs, "--", "sh", "-c", "ps -o pid,comm; whoami; ls -d /etc/*"]);
    assert.match(stdout, /^PID +COMMAND\n +1 sh\n +\d+ ps\nroot\n\/etc\/group\n\/etc\/hosts\n\/etc\/passwd\n\/etc\/resolv.conf\n$/);
  });

  test("without busybox: sh, coreutils, ps and the rest, each with all its libraries", need("unshare", "ldd"), () => {
    const rootfs = join(dir, "copied");
    const { stdout, stderr } = withoutBusybox(`contain rootfs ${rootfs}
      contain run -q --rootfs ${rootfs} -- /bin/sh -c '
        ps -e -o pid,comm; ls -d /etc/*; echo $$; echo a b | sed s/a/c/; id -un
        for p in /bin/*; do "$p" --version >/dev/null 2>&1 </dev/null; [ $? != 127 ] || echo "missing a library: $p"; done'`);
    assert.match(stderr, /^\[contain\] no static busybox here: \d\d programs of this host and their libraries\n$/);
    assert.match(
      stdout,
      /^ +PID +COMMAND\n +1 sh\n +\d+ ps\n\/etc\/group\n\/etc\/hosts\n\/etc\/passwd\n\/etc\/resolv.conf\n1\nc b\nroot\n$/,
    );
    assert.ok(readdirSync(join(rootfs, "bin")).length > 30);
    for (const name of ["sh", "ls", "cat", "ps", "sleep", "env", "mount"])
      assert.ok(statSync(join(rootfs, "bin", name)).mode & 0o111, name);
  });

  test("without busybox: the README's first command shows all that it has to show", need("unshare", "ldd"), () => {
    const rootfs = join(dir, "shown");
    const script = /<<'EOF'\n(.*?)^EOF$/ms.exec(readFileSync(join(root, "tests/demo"), "utf8"))?.[1];
    const { stdout, stderr } = withoutBusybox(`contain rootfs ${rootfs}
      contain run -q --rootfs ${rootfs} --hostname box -- /bin/sh -es <<'EOF'\n${script}EOF`);
    assert.match(stdout, /My PID is 1, my host name is box.*\n +1 .* sh\n.*\n\/proc .* proc /s);
    assert.doesNotMatch(stderr, /not found/);
  });

  test("a busybox that is not static is passed over", () => {
    mkdirSync(join(dir, "path"));
    symlinkSync("/bin/ls", join(dir, "path/busybox"));
    const { stderr } = sh(`PATH=${dir}/path:$PATH; contain rootfs ${dir}/passed`);
    assert.match(stderr, /no static busybox here/);
    assert.equal(run(["contain", "run", "-q", "--rootfs", join(dir, "passed"), "sh", "-c", "exit 3"]).status, 3);
  });

  test("a directory that is there and empty will do; directories on the way are made", () => {
    mkdirSync(join(dir, "there"));
    assert.equal(run(["contain", "rootfs", join(dir, "there")]).status, 0);
    assert.equal(run(["contain", "rootfs", "way/to/it"], { cwd: dir }).status, 0);
    assert.ok(existsSync(join(dir, "way/to/it/bin/sh")));
  });

  test("modes are those of a real root, whatever the umask: an ordinary user has his /tmp", () => {
    const rootfs = join(dir, "modes");
    sh(`umask 027; contain rootfs ${rootfs}`);
    const modes = sh(`cd ${rootfs}; find . -type d -printf '%m %p\\n' | sort -k 2`).stdout;
    const others = modes.split("\n").filter((line) => line !== "" && !line.startsWith("755 "));
    assert.deepEqual(others, ["555 ./proc", "700 ./root", "555 ./sys", "1777 ./tmp", "1777 ./var/tmp"]);
    assert.equal(sh(`find ${rootfs}/etc -type f ! -perm 644`).stdout, "");
    assert.equal(sh(`find ${rootfs}/bin -type f ! -perm -755`).stdout, "");
    const inside = "touch /tmp/mine /var/tmp/mine && stat -c %a /tmp && ! rm /tmp/roots 2>/dev/null";
    writeFileSync(join(rootfs, "tmp/roots"), "");
    const { status, stdout, stderr } = run([
      "contain",
      "run",
      "-q",
      "--rw",
      "--rootfs",
      rootfs,
      "--user",
      "1000",
      "--",
      "sh",
      "-c",
      inside,
    ]);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "1777\n", stderr: "" });
  });

  test("the umask of the caller does not lock other users out", () => {
    const rootfs = join(dir, "open");
    sh(`umask 077; contain rootfs ${rootfs}`);
    assert.equal(run(["contain", "run", "-q", "--rootfs", rootfs, "--", "cat", "/etc/passwd"], NOBODY).status, 0);
  });

  mkdirSync(join(dir, "full"));
  writeFileSync(join(dir, "full/keep"), "kept");
  for (const [what, words, message, options] of [
    ["a directory with something in it", [join(dir, "full")], /^contain: .*\/full: not empty\n +name an empty or new directory\n$/, {}],
    ["a file", [join(dir, "file")], /^contain: .*\/file: not a directory\n/, {}],
    ["a directory below a file", [join(dir, "file/x")], /^contain: (.*ENOTDIR.*\/file\/x|.*\/file\/x: not a directory)/, {}],
    ["a place where none can be made", ["/proc/x"], /^contain: .*ENOENT.*\/proc\/x/, {}],
    ["a place where the user may not write", [join(dir, "mine")], /^contain: .*EACCES.*\/mine/, NOBODY],
    ["no directory", [], /^contain: missing directory\n +contain rootfs DIR\n$/, {}],
    ["two directories", [join(dir, "a"), join(dir, "b")], /^contain: unexpected argument: .*\/b\n/, {}],
    ["an option that is none", ["--force", join(dir, "a")], /^contain: unknown option --force\n/, {}],
  ] as const) {
    test(`refused: ${what}`, () => {
      const { status, stderr, stdout } = run(["contain", "rootfs", ...words], options);
      assert.match(stderr, message);
      assert.equal(status, 125);
      assert.equal(stdout, "");
      assert.deepEqual(readdirSync(join(dir, "full")), ["keep"]);
      assert.ok(!existsSync(join(dir, "a")));
    });
  }
});
