// Files that a caller hands over are read once, whatever they are: a pipe gives its bytes to the first reader alone.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin } from "../helpers/run.ts";
import { describeOnce } from "../helpers/second.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("given");
const rootfs = makeRootfs(dir);
const PROFILE = JSON.stringify({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }],
});
writeFileSync(join(dir, "env"), "GIVEN=1\n");
writeFileSync(join(dir, "profile"), PROFILE);

const world = new World("given");
/** By bash, which has `<(…)`. */
const bash = (script: string) =>
  world.run(["bash", "-c", `cd ${dir}; ${script}`], {
    timeout: 60_000,
    env: { PATH: `${bin}:${process.env["PATH"]}`, R: rootfs, TEXT: "GIVEN=1", PROFILE },
  });

/** A command with FILE in it, handed over each way. */
const WAYS: Readonly<Record<string, (command: string) => string>> = {
  "a regular file": (command) => command.replace("FILE", "env"),
  "<(…)": (command) => command.replace("FILE", '<(echo "$TEXT")'),
  "/dev/stdin, a pipe": (command) => `echo "$TEXT" | ${command.replace("FILE", "/dev/stdin")}`,
  "/dev/stdin, a file": (command) => `${command.replace("FILE", "/dev/stdin")} <env`,
  "/proc/self/fd/0": (command) => `echo "$TEXT" | ${command.replace("FILE", "/proc/self/fd/0")}`,
  "/dev/fd/5, a file": (command) => `${command.replace("FILE", "/dev/fd/5")} 5<env`,
  "a FIFO": (command) => `rm -f fifo; mkfifo fifo; echo "$TEXT" >fifo & ${command.replace("FILE", "fifo")}`,
};
const COMMANDS: Readonly<Record<string, string>> = {
  "contain run": "contain run -q --rootfs $R --env-file FILE -- env",
  "contain run --net veth": "unshare --net contain run -q --net veth --rootfs $R --env-file FILE -- env",
  "contain run --chain exec": "contain run -q --chain exec --rootfs $R --env-file FILE -- env",
  pivot: "pivot $R --env-file FILE -- env",
  "nsexec, then pivot": "nsexec --mount -- pivot $R --env-file FILE -- env",
};

describe("an env file is read once", () => {
  for (const [command, words] of Object.entries(COMMANDS))
    for (const [way, hand] of Object.entries(WAYS))
      test(`${command}: ${way}`, () => {
        const { stdout, stderr, status } = bash(hand(words));
        assert.match(stdout, /^GIVEN=1$/m, stderr);
        assert.equal(status, 0);
      });

  test("with ids of its own", () => {
    const { stdout, stderr } = bash(`echo containers:2483027968:655360 >ids
      exec unshare -m bash -c 'mount --bind ids /etc/subuid && mount --bind ids /etc/subgid &&
        contain run -q --userns auto --rootfs $R --env-file <(echo GIVEN=1) -- env'`);
    assert.match(stdout, /^GIVEN=1$/m, stderr);
  });

  test("in the background, and for `contain exec`", () => {
    const { stdout, stderr } = bash(`
      id=$(contain run -q --detach --rootfs $R --env-file <(echo GIVEN=1) -- sh -c 'env; exec sleep 100') &&
      contain exec $id -- env; contain kill $id >/dev/null; contain wait $id; contain logs $id; contain rm $id`);
    assert.equal(stdout.match(/^GIVEN=1$/gm)?.length, 2, stdout + stderr);
  });

  test("a socket on standard input", () => {
    const script = `import socket, subprocess, sys
a, b = socket.socketpair(); a.send(b"GIVEN=1\\n"); a.close()
sys.exit(subprocess.run(sys.argv[1:], stdin=b).returncode)`;
    const { stdout, stderr } = bash(`python3 -c '${script}' contain run -q --rootfs $R --env-file /dev/stdin -- env`);
    assert.match(stdout, /^GIVEN=1$/m, stderr);
  });

  test("a printed chain names a file, and holds what a pipe gave", () => {
    const print = "contain run --print-chain --rootfs $R --env-file FILE -- env";
    assert.match(bash(print.replace("FILE", "$PWD/env")).stdout, /--env-file \S+\/env /);
    const printed = bash(print.replace("FILE", "<(echo GIVEN=1)")).stdout;
    assert.match(bash(printed).stdout, /^GIVEN=1$/m);
  });
});

describe("a seccomp profile is read once", () => {
  for (const [way, file] of [
    ["a regular file", "profile"],
    ["<(…)", '<(echo "$PROFILE")'],
  ] as const) {
    test(`contain run: ${way}`, () => {
      const { stderr } = bash(`contain run -q --confine --tmpfs /tmp --seccomp ${file} --rootfs $R -- mkdir /tmp/x`);
      assert.match(stderr, /Operation not supported/);
    });
    test(`the same rails for \`contain exec\`, whatever became of the file: ${way}`, () => {
      const { stderr } = bash(`cp profile copy
        id=$(contain run -q --detach --confine --tmpfs /tmp --seccomp ${file.replace("profile", "copy")} --rootfs $R -- sleep 100); rm copy
        contain exec $id -- mkdir /tmp/x; contain kill $id >/dev/null; contain wait $id >/dev/null; contain rm $id`);
      assert.match(stderr, /Operation not supported/);
    });
  }
});

describeOnce("what cannot be read once is refused", () => {
  for (const [command, said] of [
    [
      "nsexec --chain exec --mount -- pivot $R --env-file <(echo A=1) -- true",
      /^pivot: --env-file \/dev\/fd\/\d+: it can be read only once\n/,
    ],
    [
      "nsexec --chain exec --mount -- confine --seccomp <(echo {}) -- true",
      /^confine: --seccomp \/dev\/fd\/\d+: it can be read only once\n/,
    ],
    ["contain run --print-chain --confine --seccomp <(echo {}) -- true", /not a regular file, which a printed chain could not read again/],
    ["contain run --env-file /dev/zero -- true", /^contain: --env-file \/dev\/zero: cannot be read: it has more than 16 MiB\n/],
    ["contain run --env-file /dev/fd/77 -- true", /\/dev\/fd\/77: cannot be read: ENOENT/],
  ] as const)
    test(command, () => {
      const { status, stderr } = bash(command);
      assert.match(stderr, said);
      assert.equal(status, 125);
    });
});

describeOnce("words that are planned once a network is granted", () => {
  for (const [words, said, wanted] of [
    ["--tmpfs bad --rootfs $R -- true", /^pivot: --tmpfs bad: must be DST\[:SIZE\] or DST:size=SIZE,mode=MODE,…\n/, 125],
    ["--rootfs /no/such -- true", /^contain: ROOTFS \/no\/such: no such directory\n/, 125],
    ["--rootfs $R --workdir x -- true", /^pivot: --cwd x: must be a path inside the root that starts with \//, 125],
    ["--rootfs $R --init -- pid1 --help", /^$/, 0],
  ] as const)
    for (const detach of ["", "--detach "])
      test(detach + words, () => {
        const { status, stderr } = bash(`unshare --net contain run -q ${detach}--net veth ${words}`);
        if (detach === "" || wanted !== 0) {
          assert.match(stderr, said);
          assert.equal(status, wanted);
        } else assert.match(stderr, /^pid1: pid1 --help: nothing was started\n$/);
        const left = bash("ls /run/contain; ls -d /sys/fs/cgroup/unified/contain-* 2>/dev/null");
        assert.equal(left.stdout, "");
      });
});
