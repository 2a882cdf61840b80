// A program in another root is executed by a sealed trampoline: whatever the container exchanges meanwhile, no file of the host is run
// inside, held open or written to (CVE-2019-5736). The attacks run against a copy of the build.
import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ERRNO_WORDS, TRAMPOLINE_CODE, trampolineImage } from "../../packages/chain/src/trampoline.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, isNative, root, run, sh } from "../helpers/run.ts";
import { describeOnce, isSecond } from "../helpers/second.ts";

const dir = scratch("trampoline");
const TRIES = process.env["CONTAIN_RUNS"] ?? "40";

describeOnce("the trampoline", need("as", "aarch64-linux-gnu-as"), () => {
  for (const [arch, prefix] of [
    ["x64", ""],
    ["arm64", "aarch64-linux-gnu-"],
  ] as const) {
    test(`is what the assembler makes of ${arch}.S`, () => {
      const out = join(dir, arch);
      const source = join(root, "packages/chain/src/trampoline", `${arch}.S`);
      const { status, stderr } = sh(`${prefix}as -o ${out}.o ${source} && ${prefix}objcopy -O binary -j .text ${out}.o ${out}.bin`);
      assert.equal(status, 0, stderr);
      assert.equal(TRAMPOLINE_CODE[arch], readFileSync(`${out}.bin`).toString("base64"));
    });
  }
});

describeOnce("the trampoline by itself", need("qemu-aarch64", "perl"), () => {
  const refusals = [
    { errno: 2, status: 127, text: "not there\n", word: "{2}\n" },
    { errno: 0, status: 126, text: `refused: ${ERRNO_WORDS}\n`, word: `{${ERRNO_WORDS}}\n` },
  ];
  const script = join(dir, "no-format");
  writeFileSync(script, 'echo "by the shell: $1"\n', { mode: 0o755 });
  const closed = join(dir, "closed");
  writeFileSync(closed, "", { mode: 0o644 });

  for (const arch of process.arch === "x64" ? ["x64", "arm64"] : ["arm64"]) {
    const file = join(dir, `image-${arch}`);
    /** argv[0] and the words behind it; descriptor 3 is the pipe. */
    const through = (shell: boolean, ...words: string[]) => {
      writeFileSync(file, trampolineImage(refusals, 3, shell, arch), { mode: 0o755 });
      const start =
        arch === process.arch ? `exec { $ARGV[0] } @ARGV[1..$#ARGV]` : `exec "qemu-aarch64", "-0", $ARGV[1], $ARGV[0], @ARGV[2..$#ARGV]`;
      const { status, stdout, stderr } = sh(
        `perl -e '$^F = 3; ${start}' -- "$@" 3>${dir}/word; status=$?; cat ${dir}/word; exit $status`.replace(
          '"$@"',
          [file, ...words].map((word) => `'${word}'`).join(" "),
        ),
      );
      return { status, stdout, stderr };
    };

    test(`${arch}: becomes the program, which has not the pipe`, () => {
      const { status, stdout } = through(
        false,
        "contain>",
        "/bin/sh",
        "name",
        "-c",
        'echo "$0 $1"; [ ! -e /proc/self/fd/3 ] && exit 5',
        "name",
        "word",
      );
      assert.equal(stdout, "name word\n");
      assert.equal(status, 5);
    });

    test(`${arch}: gives what has no format to the shell, where it may`, () => {
      assert.deepEqual(through(true, "contain>", script, "name", "one"), { status: 0, stdout: "by the shell: one\n", stderr: "" });
      assert.deepEqual(through(false, "contain>", script, "name", "one"), {
        status: 126,
        stdout: "{errno 008 of execve(2)}\n",
        stderr: "refused: errno 008 of execve(2)\n",
      });
    });

    test(`${arch}: tells why the program could not be started`, () => {
      assert.deepEqual(through(false, "contain>", join(dir, "none"), "name"), { status: 127, stdout: "{2}\n", stderr: "not there\n" });
      const denied = { status: 126, stdout: "{errno 013 of execve(2)}\n", stderr: "refused: errno 013 of execve(2)\n" };
      assert.deepEqual(through(false, "contain>", closed, "name"), denied);
    });

    test(`${arch}: says so when a link of /proc has led to it`, () => {
      const { status, stdout, stderr } = through(false, "/proc/self/exe", "/bin/echo", "name");
      assert.equal(status, 126);
      assert.equal(stdout, "");
      assert.match(stderr, /leads through a link of \/proc/);
    });
  }
});

/**
 * Runs in place of the dynamic loader: leaves a mark, holds what /proc/self/exe is, and writes to it as soon as nobody runs it. Without
 * libc, whose start is not that of a loader.
 */
const LOADER = `
#include <fcntl.h>
#include <sys/syscall.h>
static long call(long number, long a, long b, long c, long d) {
#ifdef __x86_64__
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return number;
#else
  register long x8 __asm__("x8") = number; register long x0 __asm__("x0") = a; register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c; register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#endif
}
static long opened(const char *path, long flags) { return call(SYS_openat, AT_FDCWD, (long)path, flags, 0644); }
void _start(void) {
  long fd = opened("/proc/self/exe", O_RDONLY);
  opened("/tmp/run", O_CREAT | O_WRONLY);
  if (fd < 0 || fd > 9 || call(SYS_clone, 17, 0, 0, 0) != 0) call(SYS_exit_group, 0, 0, 0, 0);
  static char path[] = "/proc/self/fd/0", *words[] = { path, 0 };
  path[14] = '0' + fd;
  words[0] = path;
  call(SYS_execve, (long)"/bin/writer", (long)words, (long)(words + 1), 0);
  call(SYS_exit_group, 0, 0, 0, 0);
}`;

/** A program of its own, so that what it writes to is run by nobody any more: argv[0] is the path. */
const WRITER = `
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  setsid();
  for (int i = 0; i < 3000; i++, usleep(1000)) {
    int target = open(argv[0], O_WRONLY);
    if (target == -1) continue;
    pwrite(target, "overwritten", 11, 0);
    close(creat("/tmp/written", 0644));
    break;
  }
  return 0;
}`;

/** Exchanges what the program is, until it is killed: argv[1] says how. */
const FLIPPER = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static void script(const char *path, const char *line) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  write(fd, line, strlen(line));
  close(fd);
}
int main(int argc, char **argv) {
  mkdir("/tmp", 0777);
  if (!strcmp(argv[1], "link")) symlink("/bin/true", "/tmp/x"), symlink("/proc/self/exe", "/tmp/y");
  if (!strcmp(argv[1], "damaged")) rename("/tmp/bad-elf", "/tmp/x"), script("/tmp/y", "true\\n");
  if (!strcmp(argv[1], "content")) script("/tmp/x", "#!/bin/true\\n"), script("/tmp/y", "#!/proc/self/exe\\n");
  if (!strcmp(argv[1], "interpreter")) script("/tmp/x", "#!/tmp/y\\n"), symlink("/bin/true", "/tmp/y"), symlink("/proc/self/exe", "/tmp/z");
  if (!strcmp(argv[1], "loader")) rename("/tmp/good-elf", "/tmp/x"), rename("/tmp/evil-elf", "/tmp/y");
  const char *from = strcmp(argv[1], "interpreter") ? "/tmp/x" : "/tmp/z";
  puts("ready");
  fflush(stdout);
  for (;;) renameat2(AT_FDCWD, from, AT_FDCWD, "/tmp/y", RENAME_EXCHANGE);
}`;

describe(`nothing of the host is run inside or written to, in ${TRIES} tries`, need("root", "gcc"), () => {
  const rootfs = makeRootfs(dir);
  const copy = join(dir, "copy");
  const runtime = isNative ? join(copy, "bin/contain") : join(copy, "node");

  const compile = (name: string, source: string, ...options: string[]) => {
    const file = join(dir, name);
    writeFileSync(`${file}.c`, source);
    const { status, stderr } = run(["gcc", "-o", file, `${file}.c`, ...options]);
    assert.equal(status, 0, stderr);
    return file;
  };

  before(() => {
    cpSync(bin, join(copy, "bin"), { recursive: true, dereference: false });
    if (!isNative) {
      cpSync(join(bin, "../lib"), join(copy, "lib"), { recursive: true });
      copyFileSync(process.execPath, runtime);
    }
    const loader = compile("loader", LOADER, "-nostdlib", "-static-pie", "-fpie", "-fno-stack-protector", "-O1");
    for (const folder of ["lib64", "lib"]) mkdirSync(join(rootfs, folder), { recursive: true });
    for (const name of ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"]) copyFileSync(loader, join(rootfs, name));
    copyFileSync(compile("flip", FLIPPER, "-static"), join(rootfs, "bin/flip"));
    copyFileSync(compile("writer", WRITER, "-static"), join(rootfs, "bin/writer"));
  });

  const WAYS = {
    exec: 'contain exec "$id" -- /tmp/x',
    "nsexec -t": 'nsexec -t "$pid" --mount -- /tmp/x',
    "nsexec -t with PIDs": 'nsexec -t "$pid" --all -- /tmp/x',
    "run on the same root": `contain run -q --rw --rootfs ${rootfs} -- /tmp/x`,
    "run --init": `contain run -q --init --rw --rootfs ${rootfs} -- /tmp/x`,
    "nsexec --root": `nsexec --pid --mount --mount-proc --root ${rootfs} -- /tmp/x`,
  };

  for (const form of isSecond ? ["link"] : ["link", "content", "interpreter", "loader", "damaged"]) {
    for (const [way, command] of Object.entries(WAYS)) {
      // One form goes every way. An interpreter (loader) has no interpreter of its own: the runtime would only crash there.
      if (form !== "link" && way !== "exec" && (form === "loader" || form === "damaged" || way !== "run --init")) continue;
      const tries = way === "exec" ? TRIES : `$(( ${TRIES} / 5 ))`;
      test(`${form} exchanged, ${way}`, () => {
        rmSync(join(rootfs, "tmp"), { recursive: true, force: true });
        mkdirSync(join(rootfs, "tmp"), { mode: 0o777 });
        if (form === "loader") {
          const source = join(dir, "dynamic.c");
          writeFileSync(source, "int main(void) { return 0; }\n");
          for (const [name, interpreter] of [
            ["good-elf", "/bin/true"],
            ["evil-elf", "/proc/self/exe"],
          ] as const) {
            const built = run(["gcc", "-o", join(rootfs, "tmp", name), source, `-Wl,--dynamic-linker=${interpreter}`]);
            assert.equal(built.status, 0, built.stderr);
          }
        }
        if (form === "damaged") {
          // What the kernel cannot execute goes to the shell, and that is us.
          writeFileSync(
            join(rootfs, "tmp/bad-elf"),
            Buffer.concat([readFileSync(join(rootfs, "bin/busybox")).subarray(0, 54), Buffer.alloc(64, 0xff)]),
            { mode: 0o755 },
          );
          rmSync(join(rootfs, "bin/sh"), { force: true });
          symlinkSync("/proc/self/exe", join(rootfs, "bin/sh"));
        }
        const before = readFileSync(runtime);
        const { status, stdout, stderr } = sh(
          `
          id=$(contain run -q -d --rw --rootfs ${rootfs} -- /bin/flip ${form}) # not by the copy: what runs cannot be written to
          until contain logs $id | grep -q ready; do sleep 0.05; done
          pid=$(contain inspect $id | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' | tail -1)
          own=$PATH PATH=${copy}/bin:${copy}:$PATH
          i=0; while [ $i -lt ${tries} ]; do ${command} >/dev/null 2>&1 </dev/null; i=$((i + 1)); done
          PATH=$own
          contain kill $id >/dev/null; contain wait $id >/dev/null; contain rm $id >/dev/null; echo done`,
          { timeout: 120_000 },
        );
        assert.equal(stdout, "done\n", stderr);
        assert.equal(status, 0);
        assert.equal(existsSync(join(rootfs, "tmp/run")), false, "the container's loader was run for a program of the host");
        assert.equal(existsSync(join(rootfs, "tmp/written")), false, "a file of the host was written to");
        assert.ok(before.equals(readFileSync(runtime)), "the runtime has changed");
      });
    }
  }
});
