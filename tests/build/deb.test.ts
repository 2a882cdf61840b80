// The .deb in a Debian of its own, run by contain: it is all that this Debian has of us. Its unit, as systemd reads it.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeDebian } from "../helpers/debian.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, isNative, root, run } from "../helpers/run.ts";

const dir = scratch("deb");
const unit = join(root, "docs/contain-web.service");

/** Its output, in which every line is one thing that works. */
const SCRIPT = `set -e
dpkg -i /contain.deb >/dev/null 2>&1
contain rootfs /inner 2>/dev/null
contain run -q --rootfs /inner --hostname deep -- /bin/sh -c 'hostname; echo $$'
man contain | sed -n '4s/^ *//p'
id=$(contain run -q -d --rootfs /inner -- sleep 60)
. /usr/share/bash-completion/completions/contain
complete -p contain
compopt() { :; }
COMP_WORDS=(contain stop \${id:0:4}) COMP_CWORD=2
_contain
[ "\${COMPREPLY[*]}" = "$id" ] && echo completed
contain rm -f $id >/dev/null
dpkg -r contain >/dev/null 2>&1
find / -xdev -path /proc -prune -o -name '*contain*' -print | grep -v -e '^/contain.deb' -e '^/run/contain$' -e '^/sys' -e /dpkg/ -e /container || echo removed
`;

describe("the .deb", isNative ? need("root", "dpkg-deb", "apt-cache", "man") : { skip: "it has the native programs" }, () => {
  test("in a fresh Debian: rootfs, run, man, completion of an id; and removed again", () => {
    const made = run(["node", "packages/build/scripts/system.mjs", "deb"], { cwd: root });
    assert.equal(made.status, 0, made.stderr);
    const file = made.stdout.trim();
    assert.equal(run(["sha256sum", "-c", `${file}.sha256`], { cwd: join(file, "..") }).status, 0);
    const rootfs = join(dir, "debian");
    mkdirSync(rootfs);
    makeDebian(rootfs);
    copyFileSync(file, join(rootfs, "contain.deb"));
    writeFileSync(join(rootfs, "script"), SCRIPT);
    const { status, stdout, stderr } = run(["contain", "run", "-q", "--rw", "--rootfs", rootfs, "--", "/bin/bash", "/script"]);
    const said = "contain - Containers from small tools that can each be run by hand";
    assert.deepEqual(stdout.split("\n"), ["deep", "1", said, "complete -F _contain contain", "completed", "removed", ""], stderr);
    assert.deepEqual([status, stderr], [0, ""]);
  });

  test("its notices name what it contains", () => {
    const text = run(["node", "-e", 'import("./notice.mjs").then(async ({ notice }) => console.log(await notice("native")))'], {
      cwd: join(root, "packages/build/scripts"),
    }).stdout;
    for (const name of [
      "Bun is under the MIT licence",
      "JavaScriptCore",
      "LIBRARY GENERAL PUBLIC LICENSE",
      "koffi 3",
      "citty",
      "uplot",
      "node-addon-api",
    ])
      assert.ok(text.includes(name), name);
  });

  test("an .rpm without rpmbuild is refused in words", () => {
    const { status, stderr } = run([process.execPath, "packages/build/scripts/system.mjs", "rpm"], { cwd: root, env: { PATH: "/none" } });
    assert.deepEqual([status, stderr], [1, "no rpmbuild here, which makes a .rpm: install the package rpm or rpm-build\n"]);
  });
});

describe("the systemd unit", need("systemd-analyze"), () => {
  const mine = join(dir, "contain-test-web.service");

  test("systemd takes it", () => {
    const command = `${join(bin, "contain")} run --name contain-test-web -- /bin/sleep 60`;
    const text = readFileSync(unit, "utf8").replace(/^ExecStart=.*$/m, `ExecStart=${command}`);
    writeFileSync(mine, text.replace(/^(ExecStopPost|Documentation)=.*\n/gm, ""));
    const { status, stderr } = run(["systemd-analyze", "verify", mine]);
    assert.deepEqual([status, stderr], [0, ""]);
  });

  test("systemd starts the program", existsSync("/run/systemd/system") ? {} : { skip: "systemd does not run here" }, () => {
    copyFileSync(mine, "/run/systemd/system/contain-test-web.service");
    try {
      assert.equal(run(["systemctl", "daemon-reload"]).status, 0);
      assert.equal(run(["systemctl", "start", "contain-test-web"]).stderr, "");
      assert.equal(run(["systemctl", "is-active", "contain-test-web"]).stdout, "active\n");
      assert.match(run(["contain", "list"]).stdout, /contain-test-web/);
    } finally {
      run(["systemctl", "stop", "contain-test-web"]);
      run(["rm", "-f", "/run/systemd/system/contain-test-web.service"]);
    }
    assert.doesNotMatch(run(["contain", "list"]).stdout, /contain-test-web/);
  });
});
