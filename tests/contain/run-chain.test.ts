// The options of `contain run` as argv: called, exec'd link by link, or pasted from --print-chain, the program finds the same. And a
// container whose program is not root dies with its supervisor, whenever that is killed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { commandOf, statusField, withWord } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { isSecond, testOnce } from "../helpers/second.ts";
import { eventually, pause } from "../helpers/wait.ts";

const dir = scratch("run-chain");
const rootfs = makeRootfs(dir);
writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n");
writeFileSync(join(rootfs, "etc/group"), "staff:x:50:app\n");
writeFileSync(join(dir, "env"), "FROM_FILE=1\nSECRET\n");
run(["mkdir", "-m", "1777", join(dir, "lower")]);
writeFileSync(join(dir, "lower/lowest"), "x");

const DUMP = [
  "grep -E '^(Uid|Gid|Groups|Cap|Sig[BIC]|NoNew)' /proc/self/status",
  "cat /proc/self/limits /proc/self/uid_map /proc/sys/kernel/hostname",
  "env | sort; pwd; ls /; tail -n +3 /proc/net/dev | sed 's/:.*//; /contain/d'", // other tests' containers come and go on this network
  "sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s#fd/[0-9]+#fd/N#g; s/,uuid=on//' /proc/self/mountinfo",
  "exit 9",
].join("; ");

describe("the chain of contain run", need("root"), () => {
  for (const options of [
    [],
    ["--init"],
    ["--user", "app"],
    ["--user", "app", "--init"],
    ["--user", "1234:5", "--ulimit", "nofile=50:60", "--ulimit", "core=0", "--workdir", "/tmp"],
    ["--env", "SECRET", "--env", "A=b c", "--env-file", join(dir, "env"), "--env", "MISSING", "--hostname", "box"],
    ["--inherit-env"],
    ["--volume", `${dir}/lower:/mnt:ro`, "--tmpfs", "/tmp:1M"],
    ["--overlay", "--overlay-lower", join(dir, "lower")],
    ["--overlay-lower", join(dir, "lower")],
    [`--overlay=${join(dir, "kept")}`],
    ["--rw"],
    ["--net", "none", "--ns", "pid,uts,mnt,time"],
    ["--ns", "user,pid,mnt", "--user", "app", "--overlay"],
    ["--ns", "mnt"],
  ].slice(0, isSecond ? 3 : undefined)) {
    test(`called, exec'd and pasted, the same: ${options.join(" ").replaceAll(dir, "") || "no options"}`, () => {
      const argv = (...more: string[]) => ["contain", "run", "-q", "--rootfs", rootfs, ...options, ...more, "--", "/bin/sh", "-c", DUMP];
      const env = { SECRET: "the caller's", NODE_EXTRA_CA_CERTS: "the caller's", CONTAIN_CHAIN: undefined };
      const called = run(argv(), { env });
      assert.equal(called.status, 9, called.stderr);
      // The environment of a link that was exec'd has the variable that asked for it.
      const without = (text: string) => text.replace("CONTAIN_CHAIN=exec\n", "");
      const executed = run(argv(), { env: { ...env, CONTAIN_CHAIN: "exec" } });
      assert.deepEqual({ ...executed, stdout: without(executed.stdout) }, called);
      const script = run(argv("--print-chain"), { env });
      assert.equal(script.status, 0);
      const pasted = sh(script.stdout, { env: { ...env, PATH: process.env["PATH"] } });
      assert.deepEqual([pasted.status, pasted.stdout], [called.status, called.stdout]); // cgset tells on stderr what it writes
    });
  }

  testOnce("--cidfile is in the chain: the script writes the id, and refuses a file that is there", () => {
    const cid = join(dir, "cid");
    const { stdout } = run(["contain", "run", "--cidfile", cid, "--print-chain", "--rootfs", rootfs, "--", "/bin/true"]);
    assert.equal(sh(stdout).status, 0);
    assert.match(stdout, new RegExp(`contain-${readFileSync(cid, "utf8")} `));
    assert.equal(sh(stdout).status, 125);
  });
});

describe("a container of another user dies with its supervisor", need("root", "strace"), () => {
  const marker = `7654.${process.pid}`;
  /** The processes of our containers: the marker is in their command lines, before the program starts and afterwards. */
  const marked = () => withWord(marker);
  const start = (options: readonly string[], exec: boolean, before: readonly string[] = []) => {
    const argv = [
      ...before,
      join(bin, "contain"),
      "run",
      "-q",
      "--rootfs",
      rootfs,
      "--user",
      "app",
      ...options,
      "--",
      "/bin/sleep",
      marker,
    ];
    return spawn(argv[0] ?? "", argv.slice(1), { stdio: "ignore", env: { ...process.env, CONTAIN_CHAIN: exec ? "exec" : "call" } });
  };
  after(() => {
    for (const pid of marked()) process.kill(pid, "SIGKILL");
    // The states and groups of killed supervisors: a later command takes them away.
    for (const line of run(["contain", "list", "--json"])
      .stdout.split("\n")
      .filter((text) => text.includes(marker)))
      run(["contain", "rm", (JSON.parse(line) as { id: string }).id]);
  });

  for (const exec of [false, true]) {
    for (const options of [[], ["--init"], ["--ns", "mnt,uts"]].slice(0, isSecond ? 2 : undefined)) {
      const how = `${exec ? "exec'd" : "called"} ${options.join(" ")}`;

      test(`SIGKILL at any moment: ${how}`, async () => {
        for (let i = 0; i < 8; i++) {
          const supervisor = start(options, exec);
          await pause(Math.random() * (exec ? 400 : 200)); // any moment will do
          supervisor.kill("SIGKILL");
          await eventually(
            () => marked().length === 0,
            () => `left after run ${i}: ${marked().map(commandOf).join("\n")}`,
          );
        }
      });

      // strace holds the process just after setresuid(2), which has cleared its parent-death signal; nobody is told of the parent then.
      test(`SIGKILL when the kernel has just cleared the parent-death signal: ${how}`, async () => {
        const tracer = start(options, exec, [
          "strace",
          "-f",
          "-o",
          "/dev/null",
          "-e",
          "trace=setresuid",
          "-e",
          "inject=setresuid:delay_exit=3000000",
        ]);
        const held = () => marked().find((pid) => isOurs(commandOf(pid)) && uidOf(pid) === "1000");
        await eventually(() => held() !== undefined, "setresuid was never called");
        const parents = marked().filter((pid) => !commandOf(pid).startsWith("strace") && uidOf(pid) === "0");
        for (const pid of parents) process.kill(pid, "SIGKILL");
        await eventually(
          () => marked().length === 0,
          () => `left: ${marked().map(commandOf).join("\n")}`,
        );
        tracer.kill("SIGKILL");
      });
    }
  }
});

function uidOf(pid: number): string {
  try {
    readlinkSync(`/proc/${pid}/exe`);
    return statusField(pid, "Uid").split(/\s+/)[0] ?? "";
  } catch {
    return "";
  }
}

/** Not strace, and not yet the program. */
function isOurs(command: string): boolean {
  return /^(node|\S*\/(contain|nsexec|pivot|pid1)) /.test(command);
}
