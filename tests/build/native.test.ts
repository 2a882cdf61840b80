// What is special about the native programs: what they open, what variables cannot change, and that they need no Node.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { addMusl, MUSL_LOADER } from "../helpers/musl.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, isNative, root, run, sh } from "../helpers/run.ts";

const dir = scratch("native");
const skip = isNative ? need("root", "strace") : { skip: "there are no native programs here, or the others are tested" };

describe("native programs", skip, () => {
  test("from a hostile directory they open nothing but their own folder, system libraries and the kernel's files", () => {
    const hostile = join(dir, "hostile");
    mkdirSync(join(hostile, "node_modules/koffi"), { recursive: true });
    mkdirSync(join(hostile, "build/koffi/linux_x64"), { recursive: true });
    for (const file of [".env", ".env.local", "bunfig.toml", ".bunfig.toml", "package.json", "tsconfig.json", "koffi.node", "contain.js"])
      writeFileSync(join(hostile, file), "boom");
    writeFileSync(join(hostile, "node_modules/koffi/index.js"), "throw new Error('boom')");
    writeFileSync(join(hostile, "build/koffi/linux_x64/koffi.node"), "boom");
    const trace = join(dir, "trace");
    const { status, stderr } = run(
      ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,execve", "-o", trace, join(bin, "nsexec"), "--uts", "--", "/bin/true"],
      { cwd: hostile, env: { HOME: hostile, XDG_CONFIG_HOME: hostile, TMPDIR: hostile } },
    );
    assert.equal(status, 0, stderr);
    const opened = readFileSync(trace, "utf8")
      .split("\n")
      .filter((line) => !line.includes("execve("))
      .flatMap((line) => /(?:open|openat2?)\((?:AT_FDCWD, )?"([^"]+)".*= \d+$/.exec(line)?.[1] ?? []);
    assert.ok(opened.includes(join(bin, "lib/koffi.node")), opened.join("\n"));
    const own = [`${bin}/`, "/proc/", "/sys/", "/dev/", "/lib/", "/lib64/", "/usr/lib/", "/etc/ld.so", "/etc/localtime"];
    assert.deepEqual(
      opened.filter((path) => !own.some((place) => path.startsWith(place))),
      [],
    );
    assert.deepEqual(sh(`ls -A ${hostile} | wc -l`).stdout.trim(), "10", "nothing was unpacked there");
  });

  for (const setting of [
    "BUN_BE_BUN=1",
    "BUN_OPTIONS=--version",
    "BUN_OPTIONS=--preload ./none.js",
    "BUN_INSPECT=1",
    "BUN_JSC_dumpOptions=1",
    "BUN_CONFIG_VERBOSE_FETCH=1",
    "NODE_OPTIONS=--require ./none.js",
    "MIMALLOC_VERBOSE=1",
  ]) {
    test(`${setting} changes nothing`, () => {
      const [name = "", value] = setting.split(/=(.*)/s);
      const { status, stdout, stderr } = run(["nsexec", "--uts", "--", "/bin/sh", "-c", "echo ran; exit 3"], { env: { [name]: value } });
      assert.deepEqual({ status, stdout, stderr }, { status: 3, stdout: "ran\n", stderr: "" });
      const inside = run(["contain", "run", "-q", "--", "/usr/bin/env"], { env: { [name]: value } });
      assert.doesNotMatch(inside.stdout, /BUN_|NODE_|CONTAIN_/);
      const passed = run(["nsexec", "--uts", "--", "/usr/bin/env"], { env: { [name]: value } }).stdout.split("\n");
      assert.deepEqual(
        passed.filter((line) => /^(BUN_|NODE_OPT|MIMALLOC|CONTAIN_(LAUNCH|ENV))/.test(line)),
        [setting],
        "the program gets its own",
      );
    });
  }

  test("50 starts, none hangs: the engine's helper thread never holds what the program waits for", () => {
    const script =
      'i=0; while [ $i -lt 50 ]; do timeout -s KILL 100 contain run -q -- /bin/sh -c "exit 7" || [ $? = 7 ] || exit 1; i=$((i+1)); done; echo $i';
    assert.equal(sh(script, { timeout: 300_000 }).stdout, "50\n");
  });

  test("the archive: on a machine with no Node, and no C++ library", need("c++", "cmake"), () => {
    const rootfs = unpacked("glibc");
    // The libraries that they are linked with, and nothing else of this machine's.
    sh(
      `for file in $(ldd ${rootfs}/opt/lib/contain ${rootfs}/opt/lib/koffi.node | grep -o '/[^ ]*' | grep -v :); do mkdir -p ${rootfs}$(dirname $file); cp $file ${rootfs}$file; done`,
    );
    assert.equal(sh(`find ${rootfs} -name 'libstdc++*' -o -name 'libgcc*'`).stdout, "", "libc is all that it needs");
    tryThere(rootfs);
    const prebuilt = sh(`ls ${root}/dist/lib/koffi/linux_*/koffi.node`).stdout.trim();
    sh(`cp ${prebuilt} ${rootfs}/opt/lib/koffi.node`);
    for (const command of ["/opt/contain --version", "/opt/nsexec -- true"]) {
      const { status, stdout, stderr } = sh(`contain run -q --rootfs ${rootfs} -- ${command}`);
      assert.deepEqual([status, stdout], [125, command.includes("version") ? "contain 0.0.0\n" : ""]);
      assert.match(stderr, /^\w+: libstdc\+\+\.so\.6: .*\n {2}koffi\.node needs the C\+\+ library: the package libstdc/);
    }
  });

  test("no memory of it can be written to and executed", () => {
    const script = "grep -c r-xp /proc/1/maps; grep -E '^[^ ]+ .wx' /proc/1/maps";
    const { stdout } = run(["nsexec", "--pid", "--mount-proc", "--", "pid1", "--", "/bin/sh", "-c", script]);
    assert.match(stdout, /^[1-9]\d*\n$/, "it has code, and makes none: the engine's compiler is off");
  });

  test("its executable is what Bun writes, and koffi.node what its package has or its source makes", () => {
    const again = join(dir, "again");
    const script = `import { compile } from "./compile.mjs"; import { builtKoffi } from "./koffi.mjs"; import { findCompiler, findKoffi } from "./target.mjs";
      await compile(findCompiler(), ${JSON.stringify(again)}); console.log(builtKoffi() ?? findKoffi())`;
    const { status, stdout, stderr } = run(["node", "--input-type=module", "-e", script], {
      cwd: join(root, "packages/build/scripts"),
      timeout: 120_000,
    });
    assert.equal(status, 0, stderr);
    assert.ok(readFileSync(again).equals(readFileSync(join(bin, "lib/contain"))), "the executable");
    assert.ok(readFileSync(stdout.trim()).equals(readFileSync(join(bin, "lib/koffi.node"))), "koffi.node");
  });

  test("the archive for musl: on a machine with no Node and no glibc", need(MUSL_LOADER, "gcc", "g++"), () => {
    const made = run(["node", "packages/build/scripts/native.mjs", "--libc", "musl"], { cwd: root, timeout: 120_000 });
    assert.equal(made.status, 0, made.stderr);
    const rootfs = unpacked("musl");
    addMusl(rootfs, dir);
    tryThere(rootfs);
    assert.equal(sh(`find ${rootfs} -name 'ld-linux*' -o -name 'libc.so*'`).stdout, "");
  });

  /** A rootfs of its own, with what the archive has in /opt. */
  function unpacked(libc: string): string {
    // As quick as gzip can be: it packs 120 MB.
    const quick = join(dir, "quick");
    mkdirSync(quick, { recursive: true });
    writeFileSync(join(quick, "gzip"), `#!/bin/sh\nPATH=\${PATH#*:} exec gzip -1 "$@"\n`, { mode: 0o755 });
    const env = { PATH: `${quick}:${process.env["PATH"]}` };
    const made = run(["node", "packages/build/scripts/archive.mjs", "--libc", libc], { cwd: root, timeout: 300_000, env });
    assert.equal(made.status, 0, made.stderr);
    const archive = made.stdout.trim();
    assert.equal(run(["sha256sum", "-c", `${archive}.sha256`], { cwd: dirname(archive) }).status, 0);
    const place = join(dir, libc);
    mkdirSync(place);
    const rootfs = makeRootfs(place);
    mkdirSync(join(rootfs, "opt"), { recursive: true });
    assert.equal(run(["tar", "-xzf", archive, "-C", join(rootfs, "opt"), "--strip-components=1"]).status, 0);
    return rootfs;
  }

  /** The programs of that archive make a container in the container, start programs cleanly, and no variable of Bun's changes them. */
  function tryThere(rootfs: string): void {
    assert.equal(existsSync(join(rootfs, "usr/bin/node")), false);
    const script = `PATH=/opt:$PATH; export BUN_BE_BUN=1 BUN_OPTIONS=--revision BUN_JSC_dumpOptions=1
      nsexec --uts -- /bin/grep SigIgn /proc/self/status
      pid1 --trace -- /bin/grep SigIgn /proc/self/status 2>/trace; grep -c 'posix_spawn(.* = 0$' /trace
      i=0; while [ $i -lt 10 ]; do nsexec --pid --uts --mount-proc --hostname inner -- pid1 -- /bin/sh -c 'hostname; echo $$'; i=$((i+1)); done`;
    const { status, stdout, stderr } = run(["contain", "run", "-q", "--rw", "--rootfs", rootfs, "--", "/bin/sh", "-c", script]);
    assert.equal(stderr, "");
    const ignored = `SigIgn:\t${"0".repeat(16)}\n`;
    assert.deepEqual([status, stdout], [0, `${ignored}${ignored}1\n${"inner\n2\n".repeat(10)}`]);
  }
});
