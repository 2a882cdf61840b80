// What a caller hands over: an ignored SIGCHLD, descriptors with gaps between them, an environment of odd names.
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";

const rootfs = makeRootfs(scratch("caller"));

describe("a caller that ignores SIGCHLD", need("root", "perl"), () => {
  const ignoring = (argv: readonly string[]) => {
    const [name = "", ...words] = argv;
    return run(["perl", "-e", '$SIG{CHLD} = "IGNORE"; exec @ARGV', join(bin, name), ...words], { timeout: 60_000 });
  };
  const report = ["/bin/grep", "SigIgn", "/proc/self/status"];

  test("nsexec ends with its child, which ignores it too, as under unshare, unless a shell came between that hides it", () => {
    const { status, stdout } = ignoring(["nsexec", "--pid", "--", ...report]);
    assert.deepEqual([status, stdout], [0, `SigIgn:\t${"0".repeat(16)}\n`]);
    assert.equal(ignoring(["nsexec", "--pid", "--", "/bin/sh", "-c", "exit 3"]).status, 3);
  });
  test("pid1 ends with its child", () => assert.equal(ignoring(["pid1", "--", "/bin/sh", "-c", "exit 4"]).status, 4));
  for (const init of [[], ["--init"]]) {
    test(`contain run ${init.join(" ")} ends with its program, which ignores nothing`, () => {
      const { status, stdout } = ignoring(["contain", "run", "-q", ...init, "--rootfs", rootfs, "--", ...report]);
      assert.deepEqual([status, stdout], [0, `SigIgn:\t${"0".repeat(16)}\n`]);
    });
  }
});

describe("--preserve-fds N, and not all of them are open", need("root"), () => {
  // ls has the first free one for the folder itself
  const list =
    "ls -l /proc/self/fd 2>/dev/null | sed -n 's|.* \\([0-9]*\\) -> \\(/etc/.*\\)|\\1 \\2|p; /eventpoll/p; /eventfd/p; /pipe/{/ [012] ->/!p}'";
  for (const command of [
    "nsexec --preserve-fds 6 --",
    "nsexec --pid --preserve-fds=6 --",
    `contain run -q --preserve-fds 6 --rootfs ${rootfs} --`,
    `contain run -q --preserve-fds 6 --init --rootfs ${rootfs} --`,
    `contain run -q --preserve-fds 6 --chain exec --rootfs ${rootfs} --`,
  ]) {
    test(command.replace(rootfs, "ROOTFS"), () => {
      const { status, stdout, stderr } = sh(`exec 3</etc/hosts 7</etc/passwd 9</etc/group; ${command} sh -c "${list}"`, {
        timeout: 60_000,
      });
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
      assert.deepEqual(
        stdout.trim().split("\n").sort(),
        ["3 /etc/hosts", "7 /etc/passwd"],
        "neither the runtime's, nor our own, nor the next",
      );
    });
  }
});

describe("a caller whose limits this program cannot live with", need("root"), () => {
  const groups = () => sh("find /sys/fs/cgroup -maxdepth 3 -name 'contain-limits*'").stdout;
  for (const [limit, said] of [
    ["-n 14", "open files is 14,"],
    ["-n 20", "open files is 20,"],
    ["-v 200000", "address space is 200000 KiB,"],
    ["-d 5000", "data is 5000 KiB,"],
    ["-s 100", "the stack is 100 KiB,"],
  ] as const) {
    for (const command of ["nsexec --uts --", `contain run -q --name limits --init --rootfs ${rootfs} --`]) {
      test(`ulimit ${limit}; ${command.replace(rootfs, "ROOTFS")}`, () => {
        const { status, stdout, stderr } = sh(`ulimit ${limit}; ${command} /bin/echo ran`, { timeout: 60_000 });
        assert.deepEqual({ status, stdout }, { status: 125, stdout: "" });
        assert.match(stderr, new RegExp(`^(nsexec|contain): the hard limit on ${said} and this program needs \\d+\n  ulimit -H`));
        assert.equal(groups(), "");
      });
    }
  }

  for (const files of [6, 8, 10, 12]) {
    test(`ulimit -n ${files}, with which not every shell starts: nothing is done`, () => {
      for (const command of ["nsexec --uts --", `contain run -q --name limits --rootfs ${rootfs} --`]) {
        const { status, stdout } = sh(`ulimit -n ${files}; ${command} /bin/echo ran`, { timeout: 60_000 });
        assert.equal(stdout, "");
        assert.notEqual(status, 0);
        assert.equal(groups(), "");
      }
    });
  }

  test("only the soft limit is low: it is raised, and the program has its own", () => {
    const soft = "ulimit -Sn; ulimit -Sv; ulimit -Sd; ulimit -Ss";
    for (const command of ["nsexec --uts --", "nsexec --pid -- pid1 --", `contain run -q --rootfs ${rootfs} --`]) {
      const { status, stdout, stderr } = sh(
        `ulimit -Sn 14; ulimit -Sv 200000; ulimit -Sd 5000; ulimit -Ss 100; ${command} /bin/sh -c '${soft}'`,
      );
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "14\n200000\n5000\n100\n", stderr: "" }, command);
    }
  });
});

describe("what a program in another root gets of a caller's limit on the size of files", need("root"), () => {
  for (const size of [0, 1]) {
    test(`ulimit -Sf ${size}`, () => {
      const { status, stdout, stderr } = sh(`ulimit -Sf ${size}; pivot ${rootfs} -- sh -c 'ulimit -Sf'`);
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: `${size}\n`, stderr: "" });
    });
  }
});

describe("the environment of a caller", need("unshare"), () => {
  test("empty, or with no program on PATH that could note it", () => {
    assert.equal(sh(`exec env -i "$(command -v nsexec)" --uts -- /usr/bin/env`).stdout, "");
    const folder = scratch("no-coreutils");
    symlinkSync(process.execPath, join(folder, "node"));
    const { stdout, stderr } = sh(`own=$(command -v nsexec); PATH=${folder} NODE_FOO=1 BUN_FOO=2 "$own" --uts -- /usr/bin/env`);
    assert.match(stdout, /^NODE_FOO=1$/m, stderr);
    assert.match(stdout, /^BUN_FOO=2$/m);
  });

  test("from a directory that was removed and made again, by bash as /bin/sh", need("bash"), () => {
    const dir = scratch("again");
    const script = `mkdir ${dir}/d; cd ${dir}/d; rmdir ${dir}/d; mkdir ${dir}/d; exec bash --posix "$(command -v nsexec)" --uts -- /bin/echo here`;
    const { status, stdout, stderr } = sh(script);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: "here\n" }, stderr);
  });

  test("a variable called __proto__", () => {
    for (const words of [
      ["nsexec", "--", "env"],
      ["nsexec", "--clear-env", "--env", "__proto__=x", "--", "env"],
    ])
      assert.match(run(words, { env: { ["__proto__"]: "x" } }).stdout, /^__proto__=x$/m);
  });

  test("of two variables of a name the first, as getenv(3) has it; an entry without = is none", need("g++"), () => {
    const dir = scratch("environ");
    sh(`cat >${dir}/odd.cc <<'EOF'
      #include <unistd.h>
      int main(int, char **argv) { const char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "TWICE=one", "NOTHING", "TWICE=two", "=x", 0 };
        execve(argv[1], argv + 1, const_cast<char **>(env)); }\nEOF
      g++ -o ${dir}/odd ${dir}/odd.cc`);
    const { stdout } = run([join(dir, "odd"), join(bin, "nsexec"), "--", "/usr/bin/env"], {
      env: {},
    });
    assert.deepEqual(stdout.trim().split("\n").sort(), ["=x", "PATH=/usr/local/bin:/usr/bin:/bin", "TWICE=one"]);
  });
});
