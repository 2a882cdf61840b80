// contain run --print-config: the config.json that means the same, and what it cannot say.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runOptions } from "../../packages/contain/src/run/options.ts";
import { NO_FIELD } from "../../packages/contain/src/run/printconfig.ts";
import { limitWords } from "../../packages/oci/src/compose/resources.ts";
import { need } from "../helpers/need.ts";
import { NOBODY, run } from "../helpers/run.ts";
import { bundles } from "../oci/bundle.ts";

const { oci, dir, rootfs } = bundles("print-config");
const root = join(dir, "contain");
const contain = (...words: readonly string[]) => run(["contain", "--root", root, "run", ...words]);
const print = (...words: readonly string[]) => contain("--rootfs", rootfs, ...words, "--print-config", "--", "true");
/** What a container is, of its own sight; mounts in any order, and a device of the host's as a mount or as a node. */
const FACTS =
  "id; pwd; umask; hostname; cat /proc/sys/kernel/domainname; grep -E 'open files|core' /proc/self/limits; grep -E '^(Groups|Cap|NoNew|Seccomp:)' /proc/self/status; cut -d' ' -f2- /proc/mounts | grep -v '^/dev/f ' | sort; ls -ln /dev | tr -s ' ' | cut -d' ' -f1-6,10-; env | sort | grep -v ^SHLVL; cat /proc/sys/net/ipv4/ip_forward /proc/self/uid_map /proc/self/oom_score_adj; head -c 1 /proc/kcore; for f in /x /dev/x /mnt/x /tmp/x; do touch $f; done; head -c 1 /dev/f; mkdir /tmp/m; rmdir /tmp/m; dd if=/dev/zero of=/tmp/a bs=1M count=2; unshare -U true; ls /proc/self/ns | wc -l; echo $$";

describe("contain run --print-config", need("root"), () => {
  const same: readonly (readonly [what: string, ...words: string[]])[] = [
    ["as it is", "--volume", "/var:/mnt"],
    ["with a writable root", "--rw", "--workdir", "/tmp", "--user", "7:8+9", "--inherit-env", "--env", "A=b c", "--env", "HOME"],
    [
      "read-only volumes and a tmpfs",
      "--volume",
      "/var:/mnt:ro",
      "--tmpfs",
      "/tmp:1M",
      "--mount",
      "type=tmpfs,target=/home,noexec,size=4k",
    ],
    ["a user namespace", "--ns", "pid,mnt,user,ipc", "--net", "host", "--device", "/dev/zero:/dev/f", "--volume", "/var:/mnt"],
    [
      ...([
        "docker's rails",
        "--confine",
        "--device-cgroup-rule",
        "c 1:3 rwm",
        "--cap-add",
        "net_admin",
        "--device",
        "/dev/zero:/dev/f:w",
      ] as const),
      ...["--user", "1000", "--ulimit", "nofile=64:99", "--ulimit", "core=0", "--net", "none", "--sysctl", "net.ipv4.ip_forward=1"],
      ...["--umask", "0027", "--oom-score-adj", "500", "--hostname", "named", "--domainname", "dom", "--tmpfs", "/tmp:1M"],
    ],
  ];
  for (const [what, ...words] of same)
    test(`${what}: the same container by contain run --bundle and by contain-oci`, () => {
      const script = ["--", "/bin/sh", "-c", FACTS];
      const own = contain("-q", "--rootfs", rootfs, ...words, ...script);
      const folder = join(dir, what.replaceAll(/\W/g, "-"));
      mkdirSync(folder);
      const { status, stdout } = contain("--rootfs", rootfs, ...words, "--print-config", ...script);
      assert.equal(status, 0);
      writeFileSync(join(folder, "config.json"), stdout);
      assert.match(own.stdout, /\n1\n$/, own.stderr);
      for (const other of [contain("-q", "--bundle", folder), oci("run", "--bundle", folder, folder.replaceAll(/\W/g, ""))]) {
        assert.equal(other.stdout, own.stdout);
        assert.equal(other.stderr, own.stderr);
      }
    });

  test("an ordinary user's own ids alone", () => {
    const folder = join(dir, "nobody");
    mkdirSync(folder);
    const asNobody = (...words: readonly string[]) => run(["contain", "run", "-q", ...words], { ...NOBODY, env: { HOME: "/tmp" } });
    const words = [
      "--rootfs",
      rootfs,
      "--rw",
      "--",
      "/bin/sh",
      "-c",
      "id -u; cat /proc/self/uid_map /proc/self/setgroups; hostname",
    ] as const;
    const own = asNobody(...words);
    const { stdout } = asNobody("--print-config", ...words);
    writeFileSync(join(folder, "config.json"), stdout);
    assert.match(own.stdout, /^0\n +0 +65534 +1\n.*sandbox\n$/s);
    assert.equal(asNobody("--bundle", folder).stdout, own.stdout);
  });

  test("limits: fields where there are some, else files of cgroup v2", () => {
    const { stdout } = print(
      ...[
        "--memory",
        "64M",
        "--swap",
        "1M",
        "--memory-reservation",
        "1M",
        "--memory-high",
        "32M",
        "--oom-group",
        "--pids",
        "50",
        "--cpu",
        "0.5",
      ],
      ...["--cpu-weight", "50", "--cpuset", "0", "--io", "8:0 rbps=1000 wiops=max", "--set", "hugetlb.2MB.max=0", "--ulimit", "core=-1"],
    );
    const { linux, process } = JSON.parse(stdout);
    assert.deepEqual(linux.resources, {
      memory: { limit: 67108864, swap: 68157440, reservation: 1048576 },
      cpu: { quota: 50000, period: 100000, cpus: "0" },
      pids: { limit: 50 },
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 0 }],
      },
      unified: { "memory.high": "33554432", "memory.oom.group": "1", "cpu.weight": "50", "hugetlb.2MB.max": "0" },
    });
    assert.deepEqual(
      limitWords(linux.resources)
        .filter((word) => word !== "--set")
        .sort(),
      [
        ...["cpu.max=50000 100000", "cpu.weight=50", "cpuset.cpus=0", "hugetlb.2MB.max=0", "io.max=8:0 rbps=1000", "io.max=8:0 wiops=max"],
        ...[
          "memory.high=33554432",
          "memory.low=1048576",
          "memory.max=67108864",
          "memory.oom.group=1",
          "memory.swap.max=1048576",
          "pids.max=50",
        ],
      ],
    );
    assert.match(stdout, /"hard": 18446744073709551615\b/, "a number that JSON.stringify would round");
    assert.equal(process.rlimits[0].type, "RLIMIT_CORE");
    assert.deepEqual(JSON.parse(print("--memory", "max", "--pids", "0").stdout).linux.resources, {
      memory: { limit: -1 },
      unified: { "pids.max": "0" },
    });
  });

  test("docker's rails: masks, a device list, a seccomp profile without conditions that the format does not know", () => {
    const { linux, process } = JSON.parse(print("--confine", "--device-cgroup-rule", "c 10:200 rw").stdout);
    assert.ok(linux.maskedPaths.includes("/proc/kcore") && linux.readonlyPaths.includes("/proc/sys"));
    assert.deepEqual(linux.resources.devices.at(0), { allow: false, access: "rwm" });
    assert.deepEqual(linux.resources.devices.at(-1), { allow: true, type: "c", major: 10, minor: 200, access: "rw" });
    assert.doesNotMatch(JSON.stringify(linux.seccomp), /includes|excludes|archMap/);
    assert.deepEqual([process.noNewPrivileges, linux.namespaces.length], [true, 6]);
  });

  test("what has no field is said in a line each", () => {
    const words = [
      "--init",
      "--detach",
      "--restart",
      "always",
      "--health-cmd",
      "true",
      "--net",
      "veth",
      "--publish",
      "8:8",
      "--overlay",
      "--grace",
      "1s",
    ];
    const { status, stdout, stderr } = print(...words, "--label", "a=b");
    assert.equal(status, 0);
    for (const what of ["--init", "--detach", "--restart", "--health-cmd", "--net veth", "--publish", "the overlay", "--grace"])
      assert.match(stderr, new RegExp(`^contain: ${what}[^\\n]+\\n`, "m"));
    assert.deepEqual(JSON.parse(stdout).annotations, { a: "b" });
    assert.deepEqual(print("--volume", "/var:/mnt").stderr, "");
  });

  test("every option has a field, is told, or says nothing of the container", () => {
    const FIELD =
      "rootfs read-only rw volume device env env-file user ulimit sysctl tmpfs mount overlay overlay-lower inherit-env workdir memory memory-high swap cpu cpu-weight cpuset pids io oom-group set oom-score-adj ns userns domainname hostname net confine cap-add cap-drop seccomp device-cgroup-rule umask label tty security-opt";
    const DOCKERS = // they become others
      "entrypoint shm-size memory-swap memory-reservation cpu-shares cpu-quota cpu-period cpuset-mems pid ipc uts cgroupns group-add";
    const NOTHING = "bundle print-chain print-config quiet interactive privileged help version trace chain verbose";
    const known = [...`${FIELD} ${DOCKERS} ${NOTHING}`.split(" "), ...Object.keys(NO_FIELD)];
    assert.deepEqual(Object.keys(runOptions).sort(), known.sort());
  });

  const refused: readonly (readonly [what: string, words: readonly string[], message: RegExp])[] = [
    ["with a bundle", ["--bundle", dir], /--print-config and --bundle exclude each other/],
    ["with --print-chain", ["--print-chain"], /--print-config and --print-chain exclude each other/],
    ["a user whom the root does not have", ["--user", "nosuch"], /there is no user "nosuch" in \/etc\/passwd of the rootfs/],
    ["a volume that is not there", ["--volume", "/nosuch:/mnt"], /there is no \/nosuch on the host/],
    ["a bad limit", ["--memory", "much"], /--memory/],
  ];
  for (const [what, words, message] of refused)
    test(`${what}: refused`, () => {
      const { status, stdout, stderr } = print(...words);
      assert.deepEqual([status, stdout], [125, ""]);
      assert.match(stderr, message);
    });
});
