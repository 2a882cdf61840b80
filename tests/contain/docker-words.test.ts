// The words that docker and podman taught: taken by `contain run` with the same meaning, or answered in one line that names the way.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readOptions } from "../../packages/chain/src/options.ts";
import { inOurWords, instead } from "../../packages/contain/src/run/dockerwords.ts";
import { runOptions } from "../../packages/contain/src/run/options.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";

const rootfs = makeRootfs(scratch("docker-words"));
const quiet = (options: readonly string[], argv: readonly string[]) =>
  run(["contain", "run", "-q", "--rootfs", rootfs, ...options, ...argv], { input: "typed\n" });

/** The same options in our words, as they are composed. */
function ours(...words: string[]): string {
  const { given, rest } = inOurWords(readOptions(runOptions, [...words, "prog", "arg"], instead));
  return [...given.map(({ name, value }) => (value === undefined ? `--${name}` : `--${name} ${value}`)), ...rest].join(" ");
}

describe("docker's options in our words", () => {
  const SAME: readonly (readonly [string, string])[] = [
    ["-m 64m", "--memory 64m prog arg"],
    ["-m64m", "--memory 64m prog arg"],
    ["--cpus 0.5", "--cpu 0.5 prog arg"],
    ["--cpus=2", "--cpu 2 prog arg"],
    ["--pids-limit 20", "--pids 20 prog arg"],
    ["--cpuset-cpus 0-1", "--cpuset 0-1 prog arg"],
    ["--cpuset-mems 0", "--set cpuset.mems=0 prog arg"],
    ["-m 64m --memory-swap 128m", "--memory 64m --swap 67108864 prog arg"],
    ["-m 64m --memory-swap 64m", "--memory 64m --swap 0 prog arg"],
    ["-m 64m --memory-swap -1", "--memory 64m --swap max prog arg"],
    ["--memory-reservation 32m", "--set memory.low=33554432 prog arg"],
    ["--cpu-shares 1024", "--cpu-weight 39 prog arg"],
    ["--cpu-shares 2", "--cpu-weight 1 prog arg"],
    ["--cpu-shares 262144", "--cpu-weight 10000 prog arg"],
    ["--cpu-quota 50000", "--cpu 50000 100000 prog arg"],
    ["--cpu-quota 50000 --cpu-period 20000", "--cpu 50000 20000 prog arg"],
    ["--cpu-quota -1", "--cpu max 100000 prog arg"],
    ["--network none", "--net none prog arg"],
    ["--net bridge", "--net veth prog arg"],
    ["--network=bridge -p 80:80", "--publish 80:80 --net veth prog arg"],
    ["-p 80:80", "--publish 80:80 --net veth prog arg"],
    ["--stop-timeout 5", "--grace 5 prog arg"],
    ["--shm-size 10m", "--tmpfs /dev/shm:10m prog arg"],
    ["--entrypoint sh", "sh prog arg"],
    ["-it", "--tty prog arg"],
    ["-dit", "--detach --tty prog arg"],
    ["-h box", "--hostname box prog arg"],
    ["-v /a:/b", "--volume /a:/b prog arg"],
    ["-v data:/b:ro", "--volume data:/b:ro prog arg"],
    ["-v", "--verbose prog arg"],
    ["--pid host", "--ns uts,mnt,ipc,cgroup prog arg"],
    ["--ipc host --uts private", "--ns pid,uts,mnt,cgroup prog arg"],
    ["--security-opt seccomp=unconfined", "--seccomp none --confine prog arg"],
  ];
  for (const [docker, wanted] of SAME) test(docker, () => assert.equal(ours(...docker.split(" ")), wanted));
});

describe("docker's options through the program", () => {
  test("-i: input is open; --rm and --privileged are taken", () => {
    assert.equal(quiet(["-i", "--rm", "--privileged"], ["cat"]).stdout, "typed\n");
  });

  test("-h NAME is the host name, -h alone is the help", () => {
    assert.equal(quiet(["-h", "box"], ["hostname"]).stdout, "box\n");
    const help = quiet(["-h"], []);
    assert.equal(help.status, 0);
    assert.match(help.stdout, /^Usage: contain run/);
  });

  test("--volume with labels, -v, relative", () => {
    for (const words of [["--volume", "/etc:/mnt:ro,z"], ["-v", "/etc:/mnt:Z"], ["-v/etc:/mnt"], ["-v", "../../etc:/mnt"]]) {
      const { status, stdout, stderr } = run(["contain", "run", "-q", "--rootfs", rootfs, ...words, "ls", "/mnt/passwd"], {
        cwd: "/usr/lib",
      });
      assert.equal(stdout, "/mnt/passwd\n", stderr);
      assert.equal(status, 0);
    }
  });

  for (const more of [[], ["--confine"], ["--init"], ["--init", "--confine"]]) {
    test(`--oom-score-adj, --domainname, --umask ${more.join(" ")}`, () => {
      const words = [...more, "--oom-score-adj", "321", "--domainname", "dom", "--umask", "0027"];
      const script = "cat /proc/self/oom_score_adj /proc/sys/kernel/domainname; umask; grep -c 'Seccomp:.2' /proc/self/status";
      assert.equal(quiet(words, ["sh", "-c", script]).stdout, `321\ndom\n0027\n${more.includes("--confine") ? 1 : 0}\n`);
    });
  }

  test("contain exec is who the container is, with its --umask too", () => {
    const words = ["run", "-q", "--detach", "--rootfs", rootfs, "--user", "1000:1000", "--umask", "0027", "sleep", "60"];
    const id = run(["contain", ...words]).stdout.trim();
    try {
      assert.equal(run(["contain", "exec", id, "sh", "-c", "id -u; umask"]).stdout, "1000\n0027\n");
    } finally {
      run(["contain", "rm", "--force", id]);
    }
  });

  test("--security-opt no-new-privileges with --init brings no filter", () =>
    assert.match(
      quiet(["--init", "--security-opt", "no-new-privileges"], ["cat", "/proc/self/status"]).stdout,
      /NoNewPrivs:\t1\nSeccomp:\t0/,
    ));

  test("--entrypoint, --shm-size, --security-opt no-new-privileges", () => {
    assert.equal(quiet(["--entrypoint", "echo"], ["a", "b"]).stdout, "a b\n");
    assert.match(quiet(["--shm-size", "10m"], ["df", "/dev/shm"]).stdout, /\s10240\s/);
    assert.match(quiet(["--security-opt", "no-new-privileges"], ["grep", "NoNew", "/proc/self/status"]).stdout, /1$/m);
    assert.match(quiet([], ["grep", "NoNew", "/proc/self/status"]).stdout, /0$/m);
  });

  for (const [words, capabilities, filters] of [
    ["--cap-drop all", "0000000000000000", 2],
    ["--cap-drop ALL --cap-add net_admin", "0000000000001000", 2],
    ["--security-opt seccomp=unconfined", "00000000a80425fb", 0],
  ] as const)
    test(`${words} means docker's rails, as if --confine were there`, () => {
      const { stdout } = quiet(words.split(" "), ["grep", "-E", "CapEff|^Seccomp:", "/proc/self/status"]);
      assert.equal(stdout, `CapEff:\t${capabilities}\nSeccomp:\t${filters}\n`);
    });

  test("--pid host: no PID namespace", () => {
    const [inside] = quiet(["--pid", "host"], ["readlink", "/proc/self/ns/pid"]).stdout.split("\n");
    assert.equal(inside, run(["readlink", "/proc/self/ns/pid"]).stdout.trim());
  });

  const ANSWERED: readonly (readonly [string, RegExp])[] = [
    ["--gpus all", /--device/],
    ["--pull always", /--rootfs DIR/],
    ["--volumes-from x", /--volume/],
    ["-P", /--publish/],
    ["-a stdout", /contain attach/],
    ["--memory-swap 1g", /--memory is missing/],
    ["--memory 2g --memory-swap 1g", /less than --memory 2g/],
    ["--privileged --cap-drop all", /exclude each other\n.*imply --confine/],
    ["--security-opt apparmor=x", /no-new-privileges or seccomp/],
    ["--pid container:x", /host or private/],
    ["--privileged --confine", /exclude each other/],
    ["--cpu-period 1000", /--cpu-quota is missing/],
  ];
  for (const [words, way] of ANSWERED)
    test(`${words}: 125, and the way`, () => {
      const { status, stderr } = quiet(words.split(" "), ["true"]);
      assert.equal(status, 125);
      assert.match(stderr, way);
      assert.ok(stderr.trimEnd().split("\n").length <= 2, stderr);
    });

  test("the name of an image: 127 and one answer, nothing is started", () => {
    for (const words of [["alpine-3", "sh"], ["-it", "debian:12", "bash"], ["docker.io/library/alpine"]]) {
      const { status, stderr } = run(["contain", "run", ...words]);
      assert.equal(status, 127);
      assert.match(stderr, /^contain: .*: no such program on the host, and there are no images here\n +--rootfs DIR; .*\n$/);
    }
  });

  test("a directory where the program is expected: 126, and --rootfs", () => {
    for (const directory of [rootfs, "./", "/"]) {
      const { status, stderr } = run(["contain", "run", directory, "sh"]);
      assert.equal(status, 126);
      assert.match(stderr, /^contain: .*: it is a directory, no program\n +a root is given by --rootfs: contain run --rootfs .* -- sh\n$/);
    }
  });

  test("no suggestion leads to another meaning", () => {
    for (const word of ["--rn", "--tt", "--xyz", "--verbos"]) assert.doesNotMatch(quiet([word], ["true"]).stderr, /did you mean/);
    assert.match(quiet(["--hostnam", "x"], ["true"]).stderr, /did you mean --hostname\?/);
  });
});
