// The faults of faults.test.ts in the rest of a container's life: detached, stopped, forgotten, entered, on a terminal, with layers. After
// each kind the world is as before: states, groups, processes, mounts, loop devices.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { countCalls, type Fault, runWithFault } from "../helpers/faults.ts";
import { need } from "../helpers/need.ts";
import { commandOf } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin } from "../helpers/run.ts";
import { within } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

const SYSCALLS =
  "mount umount2 pivot_root unshare setns sethostname prctl pidfd_open pidfd_send_signal pipe2 openat2 open_tree move_mount mount_setattr " +
  "fsopen fsconfig fsmount mkdir mkdirat rmdir rename mknod mknodat symlink symlinkat chdir fchdir close_range fcntl flock dup2 prlimit64 setpgid " +
  "setsid setresuid setresgid setgroups fchown clone3 clone execve wait4 waitid unlink unlinkat kill pidfd_send_signal poll signalfd4 inotify_init1 " +
  "inotify_add_watch timerfd_create fallocate socketpair socket bind listen sendmsg recvmsg ioctl";
/** Where they fail something cannot be removed: it is told, and gc removes it. */
const REMOVERS = ["rename", "rmdir", "unlink", "unlinkat", "kill", "pidfd_send_signal"];
/** Faults of each kind of life, evenly taken; CONTAIN_FAULTS=all takes them all. */
const SAMPLE = process.env["CONTAIN_FAULTS"] === "all" ? Number.POSITIVE_INFINITY : Number(process.env["CONTAIN_FAULTS"] ?? 14);

interface Life {
  readonly name: string;
  /** A script that makes container $NAME ready, without faults. */
  readonly before?: string;
  /** One container for all faults: none of them may harm it. */
  readonly shared?: true;
  /** What the faults are in. */
  readonly argv: (name: string) => readonly string[];
  /** What a person does then, without faults; some of it may be done already. */
  readonly afterwards?: string;
}

const dir = scratch("faults-life");
const rootfs = makeRootfs(dir);
const run = (name: string, ...options: string[]) => ["contain", "run", "--name", name, "--rootfs", rootfs, ...options];
const START = `contain run -qd --name $NAME --rootfs ${rootfs}`;
const STOP = "contain stop --grace 0 $NAME; contain rm $NAME";
const LIVES: readonly Life[] = [
  {
    name: "run --detach",
    argv: (name) => [...run(name, "-d", "--init"), "--", "true"],
    afterwards: "contain wait $NAME; contain rm $NAME",
  },
  { name: "run --detach --tty", argv: (name) => [...run(name, "-dt"), "--", "true"], afterwards: "contain wait $NAME; contain rm $NAME" },
  { name: "stop", before: `${START} -- sleep 1000`, argv: (name) => ["contain", "stop", "--grace", "0", name], afterwards: STOP },
  { name: "rm", before: `${START} -- true; contain wait $NAME`, argv: (name) => ["contain", "rm", name], afterwards: "contain rm $NAME" },
  {
    name: "exec",
    shared: true,
    before: `${START} --init -- sleep 1000`,
    argv: (name) => ["contain", "exec", "--user", "1:2", name, "--", "true"],
    afterwards: STOP,
  },
  {
    name: "exec --tty",
    shared: true,
    before: `${START} --init -- sleep 1000`,
    argv: (name) => ["contain", "exec", "-t", name, "--", "true"],
    afterwards: STOP,
  },
  { name: "run --tty", argv: (name) => [...run(name, "-t", "--user", "1:2"), "--", "true"] },
  {
    name: "run --overlay --volume",
    argv: (name) => [...run(name, "--overlay", "--volume", `${dir}:/mnt:ro`, "--tmpfs", "/srv"), "--", "true"],
  },
];

describe("faults in the life of a container", { ...need("root", "strace", "nsenter"), timeout: 900_000 }, () => {
  const world = new World("faults");
  const place = (argv: readonly string[]) => world.enter(argv);

  /** Runs a script in the world, whatever comes of it. */
  const script = (text: string, name: string) =>
    new Promise<void>((resolve, reject) => {
      const [file = "", ...words] = world.enter(["env", `PATH=${bin}:${process.env["PATH"]}`, `NAME=${name}`, "sh", "-c", text]);
      spawn(file, words, { stdio: "ignore", timeout: 60_000, killSignal: "SIGKILL" })
        .on("error", reject)
        .on("exit", () => resolve());
    });

  /** All that could be left. */
  const look = () => [
    ...world.sh(`ls -A /run/contain; ls -d ${world.top}/contain-* 2>/dev/null; cut -d ' ' -f 3- /proc/self/mountinfo`).stdout.split("\n"),
    ...world
      .sh(`cat ${world.top}/cgroup.procs ${world.top}/*/cgroup.procs`)
      .stdout.split("\n")
      .filter((pid) => pid !== "" && commandOf(Number(pid)).includes("contain"))
      .map((pid) => `process ${pid} ${commandOf(Number(pid))}`),
    ...readdirSync("/sys/block").filter((name) => name.startsWith("loop") && readdirSync(join("/sys/block", name)).includes("loop")),
  ];
  const sizes: string[] = [];
  after(() => console.log(`fault matrix: ${sizes.join("; ")}`));

  for (const { name, before = ":", argv, afterwards = ":", shared } of LIVES) {
    test(`${name}: each fault is told, and leaves nothing`, async () => {
      const first = look();
      const left = async () => {
        const lines = () => look().filter((line) => !first.includes(line));
        await within(30_000, () => lines().length === 0);
        return lines();
      };
      await script(before, "count");
      const calls = countCalls(argv("count"), SYSCALLS.split(" "), dir, place);
      if (shared !== true) await script(afterwards, "count");
      const runtime = countCalls(["nsexec", "--version"], SYSCALLS.split(" "), dir);
      const all: Fault[] = [];
      for (const [syscall, count] of calls) {
        for (let when = 1; when <= Math.min(count, 20); when++) {
          all.push({ syscall, when, how: "signal=KILL" });
          if (when > (runtime.get(syscall) ?? 0)) all.push({ syscall, when, how: "error=EPERM" });
        }
      }
      const step = Math.max(1, all.length / SAMPLE);
      const chosen = all.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
      sizes.push(`${name} ${chosen.length} of ${all.length} over ${calls.size} system calls`);
      let number = 0;
      const inject = async (faults: readonly Fault[]) => {
        const queue = [...faults];
        const worker = async () => {
          for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
            const label = `${fault.syscall} ${fault.how} when=${fault.when}`;
            const id = shared === true ? "count" : `f${number++}`;
            if (shared !== true) await script(before, id);
            const { status, signal, stderr } = await runWithFault(argv(id), fault, place);
            if (shared !== true) await script(afterwards, id);
            if (fault.how === "signal=KILL") continue;
            assert.notEqual(signal, "SIGKILL", `${label} hangs`);
            assert.doesNotMatch(stderr, /this is a bug|\n +at /, `${label}: ${stderr}`);
            assert.ok(status === 0 || (status !== null && stderr.length > 0), `${label}: silent, status ${status}`);
          }
        };
        await Promise.all([worker(), worker()]);
      };
      const isMild = ({ syscall, how }: Fault) => how !== "signal=KILL" && !REMOVERS.includes(syscall);
      await inject(chosen.filter(isMild));
      if (shared !== true) assert.deepEqual(await left(), [], "without gc");
      await inject(chosen.filter((fault) => !isMild(fault)));
      if (shared === true) {
        // A zombie waits for the init of the host, whose child it is since its contain exec was killed.
        const inside = world.run(["contain", "exec", "count", "--", "ps"]).stdout.replaceAll(/^.* \[\w+\]\n/gm, "");
        await script(afterwards, "count");
        assert.match(inside, /^.*\n +1 .*pid1.*\n +2 .*sleep 1000\n.* ps\n$/, "nobody is left in it");
      }
      await script("contain gc", "");
      assert.deepEqual(await left(), [], "after gc");
    });
  }
});
