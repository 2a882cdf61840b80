// Which devices a program can open: the eBPF program of its group, and nodev on its mounts, each of which holds by itself.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { hierarchy } from "../helpers/group.ts";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { NOBODY, run, sh } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("devices");
const rootfs = makeRootfs(dir);
const layer = join(dir, "layer");
const volume = join(dir, "volume");
const needed = need("root", "unshare", "setpriv");

/** /dev/kmsg, which may be opened for writing by whoever its mode lets. */
const KMSG = "c 1 11";
const node = (path: string) => `mknod -m 666 ${path} ${KMSG}`;
if (needed.skip === undefined) {
  for (const path of [layer, volume, join(rootfs, "data")]) mkdirSync(path);
  for (const path of [rootfs, layer, volume]) run(["sh", "-c", node(join(path, "node"))]);
}

/** Says whether a device could be opened for writing, or why not. */
const open = (path: string) => `( : >${path} ) 2>&1 && echo "${path} opened"`;
const opened = (text: string) => [...text.matchAll(/^(\S+) opened$/gm)].map(([, path]) => path);
const refused = (text: string) =>
  [...text.matchAll(/^\S*sh: .* (?:create|open) (\S+): (?:Operation not permitted|Permission denied)$/gm)].length;
/** What every program may do with the /dev that it has. */
const USUAL = `
  for name in null zero full tty random urandom ptmx; do test -c /dev/$name || echo "no $name"; done
  [ $(head -c 4 /dev/zero | wc -c)$(head -c 4 /dev/urandom | wc -c)$(head -c 4 /dev/null | wc -c) = 440 ] && echo x >/dev/null && echo usual`;

const PLACES = {
  "one that is made": { words: ["--rw"], script: `${node("/made")}; ${open("/made")}; rm /made` },
  "one that is made in /dev": { words: ["--rw"], script: `${node("/dev/made")}; ${open("/dev/made")}` },
  "one that is made in /dev/shm": { words: [], script: `${node("/dev/shm/made")}; ${open("/dev/shm/made")}` },
  "one that is made on a tmpfs": { words: ["--tmpfs", "/tmp"], script: `${node("/tmp/made")}; ${open("/tmp/made")}` },
  "one of the image": { words: [], script: open("/node") },
  "one of an image that can be written to": { words: ["--rw"], script: open("/node") },
  "one of an image below an overlay": { words: ["--overlay"], script: open("/node") },
  "one that is made on an overlay": { words: ["--overlay"], script: `${node("/made")}; ${open("/made")}` },
  "one of a layer": { words: ["--overlay-lower", layer], script: open("/node") },
  "one of a volume": { words: ["--volume", `${volume}:/data`], script: open("/data/node") },
  "one of a read-only volume": { words: ["--volume", `${volume}:/data:ro`], script: open("/data/node") },
  "one that is made in a volume": {
    words: ["--volume", `${volume}:/data`],
    script: `${node("/data/made")}; ${open("/data/made")}; rm /data/made`,
  },
} as const;

const HOSTS = {
  "with cgroup v2": "",
  "cgroup v2 alone": "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup",
  "without cgroup v2": hierarchy === undefined ? "" : `umount -l ${hierarchy}`,
} as const;

describe("contain run --confine: a device node that was not given", needed, () => {
  for (const [host, before] of Object.entries(HOSTS)) {
    for (const [place, { words, script }] of Object.entries(PLACES)) {
      test(`${host}: ${place} cannot be opened, and those of /dev can`, () => {
        const { status, stdout, stderr } = isolated(
          `${before}\ncontain run -q --confine --rootfs ${rootfs} ${words.join(" ")} -- sh -c '${script}\n${USUAL}'`,
        );
        assert.deepEqual(opened(stdout), [], stdout);
        assert.equal(refused(stdout), 1, stdout + stderr);
        assert.match(stdout, /^usual$/m, stderr);
        assert.doesNotMatch(stdout, /^no /m);
        assert.equal(status, 0, stderr);
      });
    }
  }

  test("the group holds without nodev, also for a program of the host", () => {
    const group = `contain-test-devices-${process.pid}`;
    const { stdout } = sh(
      `cgset --name ${group} --device default -- nsexec --mount --pid -- pivot ${rootfs} --rw -- sh -c '${node("/made")}; ${open("/made")}; rm /made; ${USUAL}'
       nsexec --into-cgroup ${group} -- sh -c '${open("/dev/kmsg")}'
       cgset --name ${group} --kill --rm`,
    );
    assert.deepEqual([opened(stdout), refused(stdout)], [[], 2], stdout);
    assert.match(stdout, /^usual$/m);
  });

  for (const init of [[], ["--init"]]) {
    test(`contain exec is refused it as well${init.length > 0 ? ", with --init" : ""}`, () => {
      const { stdout, stderr } = sh(`
        id=$(contain run -d -q --confine --rw ${init.join(" ")} --device /dev/kmsg:/dev/given --rootfs ${rootfs} -- sleep 1000)
        contain exec $id -- sh -c '${node("/made")}; ${open("/made")}; rm /made; ${open("/dev/given")}'
        contain kill $id >/dev/null; contain wait $id >/dev/null; contain rm $id >/dev/null`);
      assert.deepEqual([opened(stdout), refused(stdout)], [["/dev/given"], 1], stdout + stderr);
    });
  }

  test("without --confine nothing is refused, and the line that says so is true", () => {
    const { stdout, stderr } = run([
      "contain",
      "run",
      "--rw",
      "--rootfs",
      rootfs,
      "--",
      "sh",
      "-c",
      `${node("/made")}; ${open("/made")}; rm /made`,
    ]);
    assert.deepEqual(opened(stdout), ["/made"]);
    assert.match(stderr, /confinement: none/);
  });

  const console = "/dev/tty9";
  const here = run(["sh", "-c", `: <>${console}`]).status === 0 ? {} : { skip: `no ${console} that can be opened` };
  test("a console that it was started on can be opened as /dev/stdin, and by no node", here, () => {
    const script = `test -t 0 && ( : >/dev/stdin ) && echo again; mknod /made c 4 9; ${open("/made")}; rm /made`;
    const { stdout, stderr } = sh(`contain run -q --confine --rw --rootfs ${rootfs} -- sh -c '${script}' <>${console}`);
    assert.match(stdout, /^again$/m, stderr);
    assert.deepEqual([opened(stdout), refused(stdout)], [[], 1], stdout);
  });

  test("with CAP_SYS_ADMIN, which can undo nodev, the line says so", need("strace"), () => {
    const inject = "timeout -s KILL 60 strace -f -qq -o /dev/null -e inject=bpf:error=EPERM";
    const { stderr } = sh(`${inject} contain run --confine --cap-add sys_admin --rootfs ${rootfs} -- true`, { timeout: 90_000 });
    assert.match(stderr, /^\[contain\] no device list: bpf\(2\) gives EPERM; root inside can take nodev off its mounts/m);
  });

  test("where no program can be loaded a line says what holds", need("strace"), () => {
    const { status, stdout, stderr } = sh(
      `timeout -s KILL 60 strace -f -qq -o /dev/null -e inject=bpf:error=EPERM contain run --confine --rw --rootfs ${rootfs} -- sh -c '${node("/made")}; ${open("/made")}; rm /made'`,
      { timeout: 90_000 },
    );
    assert.deepEqual([status, opened(stdout), refused(stdout)], [0, [], 1], stderr);
    assert.match(stderr, /^\[contain\] no device list: bpf\(2\) gives EPERM; nodev on every mount keeps device nodes closed$/m);
  });
});

describe("--device", needed, () => {
  const contain = (...words: string[]) => run(["contain", "run", "-q", "--rootfs", rootfs, ...words]);

  for (const [host, before] of Object.entries(HOSTS)) {
    for (const words of [[], ["--rw"], ["--overlay"]]) {
      test(`${host}: gives what it names ${words.join("")}`, () => {
        const { stdout, stderr } = isolated(`${before}
          contain run -q --confine ${words.join(" ")} --device /dev/kmsg --device /dev/kmsg:/dev/below/this --rootfs ${rootfs} -- sh -c '
            ${open("/dev/kmsg")}; ${open("/dev/below/this")}; ${open("/node")}; chmod 0 /dev/kmsg; ${USUAL}'`);
        assert.deepEqual([opened(stdout), refused(stdout)], [["/dev/kmsg", "/dev/below/this"], 1], stdout + stderr);
        assert.match(stdout, /^usual$/m);
        assert.match(stderr, /^chmod: \/dev\/kmsg: Read-only file system$/m);
      });
    }
  }

  test("its letters are what may be done", () => {
    const script = `( : </dev/k ) && echo read; ( : >/dev/k ) && echo written`;
    assert.equal(contain("--confine", "--device", "/dev/kmsg:/dev/k:w", "--", "sh", "-c", script).stdout, "written\n");
    assert.equal(contain("--confine", "--cap-add", "syslog", "--device", "/dev/kmsg:/dev/k:r", "--", "sh", "-c", script).stdout, "read\n");
    assert.equal(
      contain("--confine", "--cap-add", "syslog", "--device", "/dev/kmsg:/dev/k", "--", "sh", "-c", script).stdout,
      "read\nwritten\n",
    );
  });

  test("a rule of one's own is for nodes that are made inside or come with a volume, and opens no other ones", () => {
    const words = ["--confine", "--rw", "--volume", `${volume}:/data`, "--device-cgroup-rule", "c 1:11 w"];
    const script = `${node("/made")}; ${open("/made")}; ${open("/node")}; ${open("/data/node")}; ( : </made ) && echo read; rm /made
      mknod /other b 7 0; ${open("/other")}; rm /other`;
    const { stdout, stderr } = contain(...words, "--", "sh", "-c", script);
    assert.deepEqual([opened(stdout), refused(stdout)], [["/made", "/node", "/data/node"], 1], stdout + stderr);
    assert.doesNotMatch(stdout, /^read$/m);
  });

  test("a place outside of /dev, a directory of nodes, another name for null", () => {
    const nodes = join(dir, "nodes");
    mkdirSync(join(nodes, "deeper"), { recursive: true });
    run(["sh", "-c", `${node(`${nodes}/a`)}; ${node(`${nodes}/deeper/b`)}; touch ${nodes}/file`]);
    const { stdout, stderr } = contain(
      ...["--confine", "--rw", "--device", "/dev/kmsg:/data/kmsg", "--device", `${nodes}:/dev/nodes`, "--device", "/dev/zero:/dev/null"],
      ...[
        "--",
        "sh",
        "-c",
        `${open("/data/kmsg")}; ${open("/dev/nodes/a")}; ${open("/dev/nodes/deeper/b")}; head -c 3 /dev/null | wc -c; ls /dev/nodes; rm -f /data/kmsg`,
      ],
    );
    assert.deepEqual(opened(stdout), ["/data/kmsg", "/dev/nodes/a", "/dev/nodes/deeper/b"], stderr);
    assert.match(stdout, /^3\na\ndeeper\n$/m);
    run(["rm", "-f", join(rootfs, "data/kmsg")]);
  });

  test("pivot has it and --nodev by themselves", () => {
    const words = ["pivot", rootfs, "--device", "/dev/kmsg:/dev/k"];
    const script = `${open("/dev/k")}; ${open("/node")}`;
    assert.deepEqual(opened(run([...words, "--", "sh", "-c", script]).stdout), ["/dev/k", "/node"]);
    assert.deepEqual(opened(run([...words, "--nodev", "--", "sh", "-c", script]).stdout), ["/dev/k"]);
    assert.deepEqual(opened(run([...words, "--nodev", "--rw", "--no-dev", "--", "sh", "-c", script]).stdout), ["/dev/k"]);
    run(["rm", "-f", join(rootfs, "dev/k")]);
  });

  test("an ordinary user gives what he can open himself", () => {
    const given = join(dir, "given");
    run(["sh", "-c", node(given)]);
    const { stdout, stderr } = run(
      [
        "contain",
        "run",
        "-q",
        "--confine",
        "--rootfs",
        rootfs,
        "--device",
        `${given}:/dev/given`,
        "--",
        "sh",
        "-c",
        `${open("/dev/given")}; ${open("/node")}; ${USUAL}`,
      ],
      NOBODY,
    );
    assert.deepEqual([opened(stdout), refused(stdout)], [["/dev/given"], 1], stderr);
    assert.match(stdout, /^usual$/m);
  });

  for (const [what, words, message] of [
    ["no such node", ["--device", "/dev/none"], /^contain: --device \/dev\/none: there is no device node on the host\n/],
    ["a file", ["--device", "/etc/passwd"], /^contain: --device \/etc\/passwd: there is no device node on the host\n/],
    ["a whole tree", ["--device", "/usr"], /^contain: --device \/usr: more than 1000 files are below it\n/],
    ["a place that is no path", ["--device", "/dev/null:x"], /^contain: --device "\/dev\/null:x" is not a device\n/],
    ["a place that is a directory", ["--device", "/dev/null:/dev/shm"], /^pivot: --device \/dev\/null: \/dev\/shm is a directory inside\n/],
    [
      "letters without --confine",
      ["--device", "/dev/null:/dev/x:r"],
      /^contain: --device .*: without --confine access to devices is not limited/,
    ],
    ["rules without --confine", ["--device-cgroup-rule", "c 1:1 r"], /^contain: --device-cgroup-rule needs --confine/],
    ["a rule that is none", ["--confine", "--device-cgroup-rule", "c 1"], /^cgset: --device "c 1" is not a device rule\n/],
    [
      "a node as a volume",
      ["--confine", "--volume", "/dev/kmsg:/data"],
      /^contain: --volume \/dev\/kmsg:\/data: with --confine no device on a volume can be opened\n +--device \/dev\/kmsg:\/data\n$/,
    ],
  ] as const) {
    test(`refused: ${what}`, () => {
      const { status, stderr } = contain(...words, "--", "true");
      assert.match(stderr, message);
      assert.equal(status, 125);
    });
  }

  test("refused: letters where nothing can hold to them", () => {
    const words = ["--confine", "--device", "/dev/null:/dev/x:r", "--rootfs", rootfs, "true"];
    const user = run(["contain", "run", "-q", ...words], NOBODY);
    assert.match(user.stderr, /^contain: --device: .* cannot be limited here: an ordinary user cannot load a device program\n/);
    const { stderr } = isolated(`${HOSTS["without cgroup v2"]}\ncontain run -q ${words.join(" ")}`);
    assert.match(stderr, /^contain: --device: .* cannot be limited here: the container has no cgroup v2 group\n/);
  });

  test("/dev/null as a volume hides a file, as everywhere", () => {
    const { status, stdout } = contain("--confine", "--volume", "/dev/null:/etc/passwd", "--", "cat", "/etc/passwd");
    assert.deepEqual([status, stdout], [0, ""]);
  });

  test("--print-chain shows all of it, and does the same when pasted", () => {
    const script = `${open("/dev/k")}; ${open("/node")}; ${node("/made")}; ${open("/made")}; rm /made; ( : </dev/k ) && echo read`;
    const words = ["--confine", "--rw", "--cap-add", "syslog", "--device", "/dev/kmsg:/dev/k:w", "--print-chain"];
    const chain = contain(...words, "--", "sh", "-c", script).stdout;
    assert.match(chain, /^ {2}cgset --name \S+ --device default --device 'c 1:11 w' \|\| exit$/m);
    assert.match(chain, / pivot .*--nodev .*--device \/dev\/kmsg:\/dev\/k /);
    const { stdout } = sh(chain);
    assert.deepEqual([opened(stdout), refused(stdout), /^read$/m.test(stdout)], [["/dev/k"], 2, false], stdout);
  });
});

describe("--device with ids of its own", needed, () => {
  const world = new World("devices");
  const ids = subordinateIds(world, dir);

  test("the node has its owner as it is, and others cannot be opened", () => {
    ids.set("containers:2147483648:65536\n");
    const given = join(dir, "public");
    run(["sh", "-c", node(given)]);
    const script = `${open("/dev/given")}; ${open("/node")}; ${open("/data/node")}; ${USUAL}`;
    for (const words of [["--confine"], ["--confine", "--rw"], ["--rw"]]) {
      const { stdout, stderr } = world.run(
        ["contain", "run", "-q", "--userns", "auto", "--rootfs", rootfs, ...words, "--device", `${given}:/dev/given`].concat([
          "--volume",
          `${volume}:/data`,
          "--",
          "sh",
          "-c",
          script,
        ]),
      );
      assert.deepEqual([opened(stdout), refused(stdout)], [["/dev/given"], 2], stdout + stderr);
      assert.match(stdout, /^usual$/m, stderr);
    }
  });
});

describe("cgset --device", { ...needed, ...(hierarchy === undefined ? { skip: "no cgroup2 is mounted" } : {}) }, () => {
  const group = `contain-test-cgset-devices-${process.pid}`;
  const place = join(hierarchy ?? "", group);
  afterEach(() => {
    if (existsSync(place)) rmdirSync(place);
  });
  const cgset = (...words: readonly string[]) => run(["cgset", "--name", group, ...words]);

  const DEVICES = [
    { name: "null", minor: 3 },
    { name: "zero", minor: 5 },
    { name: "full", minor: 7 },
  ] as const;
  const ACTS = { "<": "r", ">": "w", "<>": "rw" } as const;
  const ATTEMPTS = [
    ...DEVICES.flatMap(({ name, minor }) =>
      Object.entries(ACTS).map(([sign, wanted]) => ({ script: `( : ${sign}/dev/${name} )`, type: "c", major: 1, minor, wanted })),
    ),
    ...(["c 1 3", "c 10 3", "b 1 3", "b 7 0"] as const).map((what) => {
      const [type = "", major, minor] = what.split(" ");
      return { script: `mknod ${dir}/try ${what} && rm ${dir}/try`, type, major: Number(major), minor: Number(minor), wanted: "m" };
    }),
  ];

  /** The rules as they are written, read by the book: of those that fit the last one decides, for each letter. */
  const expected = (rules: readonly string[]) =>
    ATTEMPTS.map(({ type, major, minor, wanted }) =>
      [...wanted].every((letter) => {
        const last = rules.findLast((rule) => {
          const [what = "", numbers = "*:*", letters = "rwm"] = rule.replace("deny ", "").split(" ");
          const [first = "", second = ""] = numbers.split(":");
          const fits = (pattern: string, number: number) => pattern === "*" || Number(pattern) === number;
          return (what === "a" || what === type) && fits(first, major) && fits(second, minor) && letters.includes(letter);
        });
        return last !== undefined && !last.startsWith("deny");
      }),
    );

  const seen = (words: readonly string[]) => {
    const script = ATTEMPTS.map((attempt) => `if ${attempt.script}; then echo y; else echo n; fi`).join("\n");
    const { stdout, stderr } = cgset(...words, "--", "/bin/sh", "-c", script);
    assert.equal(stdout.split("\n").length, ATTEMPTS.length + 1, stderr);
    return stdout
      .trim()
      .split("\n")
      .map((line) => line === "y");
  };

  /** A list of pseudo-random rules. */
  function* lists(seed: number, count: number): Generator<string[]> {
    let state = seed;
    const pick = <T>(from: readonly T[]): T => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return from[(state >>> 16) % from.length] as T;
    };
    for (let i = 0; i < count; i++)
      yield Array.from({ length: pick([1, 2, 3, 5, 8]) }, () => {
        const [deny, type] = [pick(["", "", "deny "]), pick(["a", "b", "c", "c"])];
        return `${deny}${type} ${pick(["1", "1", "10", "*"])}:${pick(["3", "5", "7", "*"])} ${pick(["r", "w", "m", "rw", "wm", "rwm", "rwm"])}`;
      });
  }

  for (const rules of [
    ["a"],
    ["deny a"],
    ["a", "deny c 1:3 w"],
    ["deny c 1:3 w", "a"],
    ["c 1:*"],
    ["c *:* m", "c 1:3 r", "c 1:3 w"],
    ["b *:* m"],
    ["a *:* r", "deny c 1:5 r"],
    ...lists(7, 12),
  ]) {
    test(`the kernel takes ${JSON.stringify(rules)} by the book`, () => {
      assert.deepEqual(seen(rules.flatMap((rule) => ["--device", rule])), expected(rules));
    });
  }

  test("given again they replace what was there, also for who is in it; without it they stay", () => {
    const only = (...devices: string[]) => expected(devices);
    assert.deepEqual(seen(["--device", "c 1:3"]), only("c 1:3"));
    assert.deepEqual(seen([]), only("c 1:3"));
    assert.deepEqual(seen(["--device", "/dev/zero r", "--device", "/dev/full"]), only("c 1:5 r", "c 1:7"));
    assert.deepEqual(seen(["--device", "a"]), only("a"));
  });

  test("docker's list opens what a program expects, and makes any node", () => {
    const { stdout } = cgset(
      "--device",
      "default",
      "--",
      "/bin/sh",
      "-c",
      `${USUAL}; ${open("/dev/kmsg")}; ${node(`${dir}/any`)} && echo made`,
    );
    assert.match(stdout, /^usual$/m);
    assert.match(stdout, /^made$/m);
    assert.deepEqual([opened(stdout), refused(stdout)], [[], 1], stdout);
  });

  test("the calls are in the trace", () => {
    const { stderr } = cgset("--trace", "--device", "c 1:3 r");
    assert.match(stderr, /^\[cgset \d+\] bpf\(BPF_PROG_LOAD, \{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt=\d+, .*\}, 72\) = \d+$/m);
    assert.match(stderr, /^\[cgset \d+\] bpf\(BPF_PROG_ATTACH, \{.*attach_flags=BPF_F_ALLOW_MULTI\}, 72\) = 0$/m);
  });

  for (const rule of [
    "",
    "x",
    "c",
    "c 1",
    "c 1:",
    "c 1:x r",
    "c 1:3 x",
    "c 1:3 rr w",
    "d 1:3",
    "c 4096:1",
    "c 1:1048576",
    "deny",
    "/dev/none",
    "/etc/passwd r",
    "defaults",
  ]) {
    test(`refused: ${JSON.stringify(rule)}`, () => {
      const { status, stderr } = cgset("--device", rule);
      assert.equal(status, 125, stderr);
      assert.match(
        stderr,
        /^cgset: --device (".*" is not a device rule|".*": .* is too large|".*": .* is not a device node|was given an empty value)/,
      );
      assert.ok(!existsSync(place));
    });
  }

  test("a program that is refused leaves no group, and says whose right it is", need("strace"), () => {
    const { status, stderr } = sh(
      `timeout -s KILL 60 strace -f -qq -o /dev/null -e inject=bpf:error=EPERM cgset --name ${group} --device default`,
    );
    assert.equal(status, 125);
    assert.match(stderr, /bpf\(BPF_PROG_LOAD.*EPERM.*\n +loading a device program needs CAP_BPF/);
    assert.ok(!existsSync(place));
  });
});
