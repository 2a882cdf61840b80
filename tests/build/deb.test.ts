// The .deb in a Debian of its own, run by contain: it is all that this Debian has of us. systemd boots there and starts its unit.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
`;

/** systemd becomes PID 1, carries out /check, and ends with its status. It reaches neither the machine's devices nor its sysctls. */
const BOOT = `set -e
mount -t tmpfs none /sys
mkdir -p /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -o remount,ro /sys
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id # without one systemd enables every unit
mkdir -p /run/systemd/system
cd /run/systemd/system
sed 's| --rootfs .*| --rootfs /inner --confine --init -- /bin/sleep 1000|' /usr/share/doc/contain/contain-web.service >contain-web.service
printf '%s\n' >check.service '[Unit]' SuccessAction=exit FailureAction=exit FailureActionExitStatus=9 '[Service]' Type=oneshot TimeoutStartSec=120 \\
  'ExecStart=/bin/bash -e /check' StandardOutput=file:/said StandardError=file:/said
exec env container=contain /lib/systemd/systemd --unit=check.service --show-status=0 --log-target=null
`;
const CHECK = `systemctl start contain-web
systemctl is-active contain-web
until contain list --format '{{.Names}} {{.State}}' | grep running; do sleep 0.1; done
systemctl stop contain-web
systemctl is-failed contain-web || true
contain list -q | wc -l
`;

const REMOVE = `dpkg -r contain >/dev/null 2>&1
find / -xdev -path /proc -prune -o -name '*contain*' -print | grep -v -e '^/contain.deb' -e '^/run/contain$' -e '^/sys' -e /dpkg/ -e /container -e /80-container- || echo removed
`;

describe("the .deb", isNative ? need("root", "dpkg-deb", "apt-cache", "man", "systemctl") : { skip: "it has the native programs" }, () => {
  const rootfs = join(dir, "debian");
  const inside = (script: string, ...options: string[]) => {
    writeFileSync(join(rootfs, "script"), script);
    return run(["contain", "run", "-q", "--rw", "--rootfs", rootfs, ...options, "--", "/bin/bash", "/script"], { timeout: 150_000 });
  };

  test("in a fresh Debian: rootfs, run, man, completion of an id", () => {
    const made = run(["node", "packages/build/scripts/system.mjs", "deb"], { cwd: root });
    assert.equal(made.status, 0, made.stderr);
    const file = made.stdout.trim();
    assert.equal(run(["sha256sum", "-c", `${file}.sha256`], { cwd: join(file, "..") }).status, 0);
    mkdirSync(rootfs);
    makeDebian(rootfs);
    copyFileSync(file, join(rootfs, "contain.deb"));
    const { status, stdout, stderr } = inside(SCRIPT);
    const said = "contain - Containers from small tools that can each be run by hand";
    assert.deepEqual(stdout.split("\n"), ["deep", "1", said, "complete -F _contain contain", "completed", ""], stderr);
    assert.deepEqual([status, stderr], [0, ""]);
  });

  test("systemd, as PID 1 of a container, starts the unit and stops it", () => {
    writeFileSync(join(rootfs, "check"), CHECK);
    const { status, stdout, stderr } = inside(BOOT, "--tmpfs", "/run");
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    assert.equal(readFileSync(join(rootfs, "said"), "utf8"), "active\nweb running\ninactive\n0\n");
  });

  test("removed, it leaves nothing", () => {
    assert.equal(inside(REMOVE).stdout, "removed\n");
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
});
