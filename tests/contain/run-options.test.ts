// What `contain run` gives to its program: volumes, environment, ids, limits, layers, namespaces. Looked at from inside and in the files.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated, readMounts } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { refusal } from "../helpers/refusal.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, type Result, type RunOptions, run, sh } from "../helpers/run.ts";

const dir = scratch("options");
const rootfs = makeRootfs(dir);
const file = (name: string, text = "") => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const folder = (name: string, mode = 0o755) => {
  const path = join(dir, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
};
const read = (...path: string[]) => readFileSync(join(...path), "utf8");

/** Runs a script in a container on the small rootfs. */
const inside = (options: readonly string[], script: string, settings: RunOptions = {}): Result =>
  run(["contain", "run", "-q", "--rootfs", rootfs, ...options, "--", "/bin/sh", "-c", script], settings);

/** The same, where everything must go well. */
function output(options: readonly string[], script: string, settings: RunOptions = {}): string {
  const { status, stdout, stderr } = inside(options, script, settings);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout;
}

writeFileSync(
  join(rootfs, "etc/passwd"),
  [
    "root:x:0:0:root:/root:/bin/sh",
    "app:x:1000:1001:An App:/home/app:/bin/sh",
    "other:x:1000:1002::/home/other:/bin/sh",
    "homeless:x:1003:1003",
    "relative:x:1004:1004::not/absolute:/bin/sh",
    "minus:x:-1:0::/:/bin/sh",
    "huge:x:4294967295:0::/:/bin/sh",
    "hex:x:0x10:0::/:/bin/sh",
    "nogroup:x:1005:::/:/bin/sh",
    "2000:x:1006:1006::/number:/bin/sh",
    "",
  ].join("\n"),
);
writeFileSync(join(rootfs, "etc/group"), "root:x:0:\nstaff:x:50:app,other\naudio:x:63:other,app\napp:x:1001:\nbroken:x:many:app\n");

describe("contain run", need("root"), () => {
  describe("volumes", () => {
    for (const words of [[], ["--overlay"]]) {
      test(`a source that lies in the root itself is the host's: ${words.join(" ") || "read-only"}`, () => {
        const inner = join(rootfs, "inner");
        mkdirSync(inner, { recursive: true });
        const volume = ["--volume", `${inner}:/inner`];
        const { status, stderr } = run([
          "contain",
          "run",
          "-q",
          "--rootfs",
          rootfs,
          ...words,
          ...volume,
          "--",
          "sh",
          "-c",
          "echo x >/inner/kept",
        ]);
        assert.equal(status, 0, stderr);
        assert.equal(readFileSync(join(inner, "kept"), "utf8"), "x\n");
        rmSync(inner, { recursive: true });
      });
    }

    const source = folder("source");
    writeFileSync(join(source, "file"), "of the host\n");

    test("a directory and a file of the host are there, and what is written goes there", () => {
      assert.equal(
        output(
          ["--volume", `${source}:/mnt`, "--volume", `${source}/file:/etc/passwd`],
          "cat /mnt/file /etc/passwd; echo new >/mnt/made; echo more >>/etc/passwd",
        ),
        "of the host\nof the host\n",
      );
      assert.equal(read(source, "made"), "new\n");
      assert.equal(read(source, "file"), "of the host\nmore\n");
      assert.equal(output(["--volume", `${source}:/mnt:rw`], "echo again >/mnt/made"), "");
      assert.equal(read(source, "made"), "again\n");
    });

    test(":ro is read-only, with the mounts below it", () => {
      const { stdout, stderr } = isolated(`
        mkdir ${source}/below; mount -t tmpfs none ${source}/below
        contain run -q --rootfs ${rootfs} --volume ${source}:/mnt:ro -- /bin/sh -c 'cat /proc/self/mountinfo; echo x >/mnt/x; echo x >/mnt/below/x'`);
      const mounts = readMounts(stdout);
      assert.match(mounts.get("/mnt")?.flags ?? "", /\bro\b/);
      assert.match(mounts.get("/mnt/below")?.flags ?? "", /\bro\b/);
      assert.equal(stderr.match(/Read-only file system/g)?.length, 2);
    });

    test("a relative SRC is found from here; a missing DST is made on a writable root only", () => {
      assert.equal(output(["--overlay", "--volume", "source:/a/b/c"], "cat /a/b/c/made", { cwd: dir }), "again\n");
      const { status, stderr } = inside(["--volume", `${source}:/a/b/c`], "true");
      assert.equal(status, 125);
      assert.match(stderr, /\/a\/b\/c does not exist in .*\n.*make it on the host, or use --rw/);
    });

    test("volumes and tmpfs are mounted in the order of the command line", () => {
      const layered = ["--overlay", "--tmpfs", "/mnt", "--volume", `${source}:/mnt/in`];
      assert.match(output(layered, "cat /mnt/in/made; ls /mnt"), /^again\nin\n$/);
      assert.match(output(["--volume", `${source}:/mnt`, "--tmpfs", "/mnt"], "ls /mnt | wc -l"), /^0\n$/);
    });

    for (const [what, link, target] of [
      ["an absolute link", "/etc", "/trap/inner"],
      ["a link that climbs", "../../../../../../etc", "/trap/inner"],
      ["a link to the volume's own place", "/mnt", "/trap"],
    ] as const) {
      test(`${what} in the rootfs leads nowhere but into the rootfs`, () => {
        const before = readdirSync("/etc");
        symlinkSync(link, join(rootfs, "trap"));
        try {
          const { stdout, stderr } = inside(["--rw", "--volume", `${source}:${target}`], "cat /proc/self/mountinfo");
          assert.equal(stderr, "");
          assert.ok([...readMounts(stdout).keys()].some((point) => point === "/etc/inner" || point === "/mnt"));
          assert.deepEqual(readdirSync("/etc"), before);
        } finally {
          rmSync(join(rootfs, "trap"));
          rmSync(join(rootfs, "etc/inner"), { recursive: true, force: true });
        }
      });
    }

    test("a tmpfs has the size that was asked for, and is for everybody", () => {
      const mounts = readMounts(output(["--tmpfs", "/tmp:1M", "--tmpfs", "/mnt"], "cat /proc/self/mountinfo"));
      assert.ok(mounts.get("/tmp")?.options.includes("size=1024k"));
      assert.equal(mounts.get("/mnt")?.type, "tmpfs");
      const full = inside(
        ["--user", "1000", "--tmpfs", "/tmp:64K"],
        "stat -c %a /tmp; head -c 100000 /dev/zero >/tmp/x; stat -c %s /tmp/x",
      );
      assert.equal(full.stdout, "1777\n65536\n");
    });
  });

  describe("environment", () => {
    const fixed = "HOME=/root HOSTNAME=sandbox PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb";
    const envFile = file(
      "env",
      "# a comment\n\n  \t# another\nA=1\n  B= two words \nC='quoted'\nD=a=b=c\nE=\nFROM\nMISSING\nA=2\nF=$A\r\n",
    );
    const withBom = file("bom", "\ufeffA=1\n");
    const utf8 = file("utf8", "A=\u00e9\ufffd\n");
    const cases: readonly (readonly [string, readonly string[], string])[] = [
      ["nothing asked", [], fixed],
      ["--env NAME=VALUE", ["--env", "A=1", "-e", "B=x=y z"], `A=1 B=x=y z ${fixed}`],
      ["--env NAME is the caller's", ["--env", "FROM"], `FROM=host ${fixed}`],
      ["--env NAME that the caller has not is left out", ["--env", "MISSING"], fixed],
      ["--env NAME that the caller has not removes a default", ["--env", "HOSTNAME"], fixed.replace("HOSTNAME=sandbox ", "")],
      ["an empty value", ["--env", "A="], `A= ${fixed}`],
      ["the last one wins", ["--env", "A=1", "--env", "A=2", "--env", "TERM=mine"], `A=2 ${fixed.replace("dumb", "mine")}`],
      ["--hostname", ["--hostname", "box"], fixed.replace("sandbox", "box")],
      ["--env-file", ["--env-file", envFile], `A=2 B= two words  C='quoted' D=a=b=c E= F=$A FROM=host ${fixed}`],
      [
        "--env wins over --env-file",
        ["--env", "A=3", "--env-file", envFile, "--env", "E=e"],
        `A=3 B= two words  C='quoted' D=a=b=c E=e F=$A FROM=host ${fixed}`,
      ],
      ["a byte order mark is skipped", ["--env-file", withBom], `A=1 ${fixed}`],
      ["letters beyond ASCII", ["--env-file", utf8], `A=\u00e9\ufffd ${fixed}`],
      ["two files", ["--env-file", withBom, "--env-file", file("second", "A=9")], `A=9 ${fixed}`],
      ["--inherit-env", ["--inherit-env"], "FROM=host HOME=/of/caller HOSTNAME=sandbox PATH=/host/path TERM=dumb"],
      [
        "--inherit-env and --env",
        ["--inherit-env", "--env", "FROM=here"],
        "FROM=here HOME=/of/caller HOSTNAME=sandbox PATH=/host/path TERM=dumb",
      ],
    ];
    for (const [name, options, wanted] of cases) {
      test(name, () => {
        const argv = ["contain", "run", "-q", "--rootfs", rootfs, ...options, "--", "/bin/busybox", "env"];
        const caller = { FROM: "host", HOME: "/of/caller", TERM: "dumb", PATH: "/host/path" };
        // The caller has these variables and no others; its PATH would not find node.
        const env = Object.entries(caller).map(([key, value]) => `${key}=${value}`);
        const script = `exec env -i ${env.map((word) => `'${word}'`).join(" ")} PATH="$PATH" "$@"`;
        const { stdout, stderr } = run(["sh", "-c", script, "sh", join(bin, "contain"), ...argv.slice(1)]);
        assert.equal(stderr, "");
        const path = options.includes("--inherit-env") ? wanted.replace("/host/path", process.env["PATH"] ?? "") : wanted;
        assert.equal(stdout.trimEnd().split("\n").sort().join(" "), path);
      });
    }

    test("--inherit-env without a HOME and TERM fills them in; bytes that are no UTF-8 pass", () => {
      const script = `exec env -u HOME -u TERM "$(printf 'RAW=\\377')" ${join(bin, "contain")} run -q --rootfs ${rootfs} --inherit-env /bin/sh -c 'echo $HOME $TERM; printf %s "$RAW" | od -An -tx1'`;
      assert.equal(run(["sh", "-c", script]).stdout, "/root xterm\n ff\n");
      assert.equal(run(["sh", "-c", script.replace("--inherit-env", "-e RAW")]).stdout, "/root xterm\n ff\n");
    });

    test("a value taken from the caller is in no command line", () => {
      const { stdout } = inside(["--print-chain", "--env", "SECRET", "--env-file", envFile], "true", { env: { SECRET: "canary" } });
      assert.match(stdout, /--env SECRET /);
      assert.doesNotMatch(stdout, /canary/);
    });
  });

  describe("--user", () => {
    const who = `awk '/^Uid/{u=$2} /^Gid/{g=$2} /^Groups/{sub(/\\t/, ""); print u ":" g, $0, ENVIRON["HOME"]}' /proc/self/status`;
    for (const [user, wanted] of [
      ["0", "0:0 Groups:0  /root"],
      ["root", "0:0 Groups:0  /root"],
      ["1000", "1000:1001 Groups:50 63 1001  /home/app"],
      ["app", "1000:1001 Groups:50 63 1001  /home/app"],
      ["other", "1000:1002 Groups:50 63 1002  /home/other"],
      ["app:staff", "1000:50 Groups:50  /home/app"],
      ["app:7", "1000:7 Groups:7  /home/app"],
      ["1234", "1234:0 Groups:0  /"],
      ["1234:4321", "1234:4321 Groups:4321  /"],
      ["4294967294:4294967294", "4294967294:4294967294 Groups:4294967294  /"],
      ["homeless", "1003:1003 Groups:1003  /"],
      ["relative", "1004:1004 Groups:1004  /"],
      ["2000", "2000:0 Groups:0  /"],
    ] as const) {
      for (const init of [[], ["--init"]]) {
        test(`${user} is ${wanted}${init.join("")}`, () => assert.equal(output(["--user", user, ...init], who).trimEnd(), wanted));
      }
    }

    test("HOME is the user's only where nobody sets it", () => {
      assert.equal(output(["--user", "app", "--env", "HOME=/x"], "echo $HOME"), "/x\n");
      assert.equal(output(["--user", "app", "--inherit-env"], "echo $HOME", { env: { HOME: "/of/caller" } }), "/of/caller\n");
    });

    test("no capability is left, and files are the user's", () => {
      const status = output(["--user", "app", "--tmpfs", "/tmp"], "grep Cap /proc/self/status; touch /tmp/x; stat -c %u:%g /tmp/x");
      for (const set of ["CapPrm", "CapEff", "CapAmb"]) assert.match(status, new RegExp(`${set}:\\s*0{16}\n`));
      assert.match(status, /1000:1001\n$/);
    });

    test("pid1 runs as the user too, forwards signals, and shows nothing of the host", () => {
      const script =
        "grep -E ^Uid: /proc/1/status; cat /proc/1/environ /proc/1/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c can[a]ry; trap 'exit 7' TERM; kill -TERM 1; sleep 5 & wait";
      const { status, stdout } = inside(["--user", "app", "--init"], script, { env: { SECRET: "canary" } });
      assert.match(stdout, /^Uid:\s+1000\s+1000\s+1000\s+1000\n0\n$/);
      assert.equal(status, 7);
    });

    for (const [what, stage, message] of [
      ["no file at all", "rm /etc/passwd", /there is no user "app" in \/etc\/passwd of .*\n.*not on the host/],
      ["a pipe", "rm /etc/passwd; mkfifo /etc/passwd", /there is no user "app"/],
      ["a directory", "rm /etc/passwd; mkdir /etc/passwd", /there is no user "app"/],
      ["a device", "rm /etc/passwd; ln -s /dev/zero /etc/passwd", /there is no user "app"/],
      ["a link to the host's", "rm /etc/passwd; ln -s /../../../../../../../../etc/passwd /etc/passwd", /there is no user "app"/],
      ["a file without lines", "tr -d '\\n' </dev/null >/etc/passwd", /there is no user "app"/],
    ] as const) {
      test(`the rootfs has as /etc/passwd ${what}: a name is unknown, a number is not`, () => {
        const upper = folder(`passwd-${what.replaceAll(" ", "-").replaceAll("'", "")}`);
        assert.equal(inside([`--overlay=${upper}`], stage).status, 0);
        const { status, stderr } = inside([`--overlay=${upper}`, "--user", "app"], "id");
        assert.equal(status, 125);
        assert.match(stderr, message);
        assert.equal(output([`--overlay=${upper}`, "--user", "77"], who), "77:0 Groups:0  /\n");
      });
    }

    for (const [user, message] of [
      ["games", /there is no user "games" in \/etc\/passwd of/],
      ["app:games", /there is no group "games" in \/etc\/group of/],
      ["minus", /the line of minus in \/etc\/passwd .* has no usable ids/],
      ["huge", /has no usable ids/],
      ["hex", /has no usable ids/],
      ["nogroup", /has no usable ids/],
      ["app:broken", /the line of broken in \/etc\/group .* has no usable ids/],
    ] as const) {
      test(`${user} is refused, and never root instead`, () => {
        const { status, stdout, stderr } = inside(["--user", user], "id");
        assert.equal(status, 125);
        assert.equal(stdout, "");
        assert.match(stderr, message);
      });
    }

    test("an id that the user namespace does not map is explained", () => {
      const { status, stderr } = inside(["--user", "1000:0"], "id", NOBODY);
      assert.equal(status, 125);
      assert.match(stderr, /setresuid\(1000, 1000, 1000\): EINVAL.*\n.*no mapping in the user namespace/);
      assert.equal(output(["--user", "root"], "id -u", NOBODY), "0\n");
    });
  });

  describe("--ulimit", () => {
    const titles: Readonly<Record<string, string>> = {
      core: "Max core file size",
      cpu: "Max cpu time",
      data: "Max data size",
      fsize: "Max file size",
      locks: "Max file locks",
      memlock: "Max locked memory",
      msgqueue: "Max msgqueue size",
      nice: "Max nice priority",
      nofile: "Max open files",
      nproc: "Max processes",
      rss: "Max resident set",
      rtprio: "Max realtime priority",
      rttime: "Max realtime timeout",
      sigpending: "Max pending signals",
      stack: "Max stack size",
    };
    /** Soft and hard, as /proc/self/limits shows them. */
    const limits = (text: string, name: string) => {
      const line = text.split("\n").find((candidate) => candidate.startsWith(titles[name] ?? "?"));
      return line?.slice(26).trim().split(/\s+/).slice(0, 2).join(":");
    };
    const all = Object.keys(titles);
    for (const [how, options] of [
      ["as root", []],
      ["as a user", ["--user", "app"]],
      ["under pid1", ["--init", "--user", "app"]],
    ] as const) {
      test(`every resource of docker's, soft and hard, ${how}`, () => {
        // Not above what the caller has, which only CAP_SYS_RESOURCE may exceed.
        const own = read("/proc/self/limits");
        const wanted = all.map((name, i): [string, string] => {
          const [, hard = "0"] = limits(own, name)?.split(":") ?? [];
          const most = hard === "unlimited" ? 100_000_000 : Number(hard);
          return [name, `${Math.min(most, 10_000 + i)}:${Math.min(most, 12_000 + i)}`];
        });
        const roomy = wanted.map(
          ([name, pair]) => [name, /data|fsize|stack|rss/.test(name) ? pair.replaceAll(/\d+/g, "$&000") : pair] as const,
        );
        const text = output([...options, ...roomy.flatMap((pair) => ["--ulimit", pair.join("=")])], "cat /proc/self/limits");
        for (const [name, pair] of roomy) assert.equal(limits(text, name), pair, name);
      });
    }

    for (const [word, wanted] of [
      ["core=-1", "unlimited:unlimited"],
      ["core=unlimited", "unlimited:unlimited"],
      ["core=0:-1", "0:unlimited"],
      ["core=5", "5:5"],
      ["core=0", "0:0"],
      ["nofile=4:5", "4:5"],
      ["stack=9223372036854775807", "9223372036854775807:9223372036854775807"],
      ["nproc=1:1", "1:1"],
      ["fsize=0", "0:0"],
      ["data=4194304", "4194304:4194304"],
    ] as const) {
      test(`${word} is ${wanted}`, () => {
        const [name = ""] = word.split("=");
        const { stdout, status } = run([
          "contain",
          "run",
          "-q",
          "--rootfs",
          rootfs,
          "--ulimit",
          word,
          "--user",
          "app",
          "/bin/cat",
          "/proc/self/limits",
        ]);
        assert.equal(status, 0);
        assert.equal(limits(stdout, name), wanted);
      });
    }

    test("data is set when the runtime needs no more memory, however full its heap is: environments of 40 sizes", () => {
      const { stdout } = sh(
        'i=0; while [ $i -lt 40 ]; do contain run -q --ulimit data=10000000 --env "X=$(printf "%$((i * 53))s" x)" -- /bin/true && echo; i=$((i+1)); done | wc -l',
      );
      assert.equal(stdout.trim(), "40");
    });

    test("the last of one name wins", () => {
      assert.equal(output(["--ulimit", "nofile=10", "--ulimit", "nofile=20:30"], "ulimit -n; ulimit -Hn"), "20\n30\n");
    });

    const privileged = (BigInt(`0x${/^CapEff:\s*(.*)$/m.exec(read("/proc/self/status"))?.[1]}`) >> 24n) & 1n; // CAP_SYS_RESOURCE
    for (const [who, mayRaise, options, settings] of [
      ["root", privileged === 1n, [], {}],
      ["a program of root's that runs as a user", privileged === 1n, ["--user", "app"], {}],
      ["an ordinary user", false, [], NOBODY],
    ] as const) {
      test(`${mayRaise ? "raises the hard limit" : "is told why it may not raise the hard limit"}: ${who}`, () => {
        const script = 'ulimit -n 500; exec "$@"';
        const argv = ["run", "-q", "--rootfs", rootfs, "--ulimit", "nofile=600:700", ...options, "/bin/sh", "-c", "ulimit -n; ulimit -Hn"];
        const { status, stdout, stderr } = run(["sh", "-c", script, "sh", join(bin, "contain"), ...argv], settings);
        if (mayRaise) assert.equal(stdout, "600\n700\n");
        else assert.match(stderr, /prlimit64\(0, RLIMIT_NOFILE.*EPERM.*\n.*CAP_SYS_RESOURCE/);
        assert.equal(status, mayRaise ? 0 : 125);
      });
    }
  });

  describe("the root", () => {
    test("is read-only, by default and when asked for; --rw writes to ROOTFS", () => {
      for (const options of [[], ["--read-only"]]) assert.match(inside(options, "echo x >/new").stderr, /Read-only file system/);
      output(["--rw"], "echo x >/new");
      assert.equal(read(rootfs, "new"), "x\n");
      rmSync(join(rootfs, "new"));
    });

    test("--overlay takes every change, and forgets it", () => {
      const before = run(["find", rootfs, "-ls"]).stdout;
      const change =
        "echo x >/new; rm /etc/group; mv /home /moved; chmod 700 /etc; echo more >>/etc/passwd; ls / | tr '\\n' ' '; tail -1 /etc/passwd";
      assert.equal(output(["--overlay"], change), "bin dev etc mnt moved new proc root run sbin sys tmp usr var more\n");
      assert.equal(run(["find", rootfs, "-ls"]).stdout, before);
      assert.equal(
        output(["--overlay"], "ls -d /etc/group /home /new 2>&1; tail -1 /etc/passwd"),
        "ls: /new: No such file or directory\n/etc/group\n/home\n2000:x:1006:1006::/number:/bin/sh\n",
      );
    });

    for (const name of ["layer", "with:colon", "with,comma", "with\\backslash", "with space and \u00e9"]) {
      test(`--overlay=DIR keeps what changed in DIR/upper: ${name}`, () => {
        const upper = join(dir, name);
        output([`--overlay=${upper}`], "echo x >/etc/new; rm /etc/group; echo more >>/etc/passwd");
        assert.equal(read(upper, "upper/etc/new"), "x\n");
        assert.match(read(upper, "upper/etc/passwd"), /^root:[\s\S]*\nmore\n$/);
        const whiteout = statSync(join(upper, "upper/etc/group"));
        assert.deepEqual([whiteout.isCharacterDevice(), whiteout.rdev], [true, 0]);
        assert.deepEqual(readdirSync(join(upper, "upper")), ["etc"]);
        assert.equal(
          output([`--overlay=${upper}`], "cat /etc/new; tail -1 /etc/passwd; ls /etc"),
          "x\nmore\nhosts\nnew\npasswd\nresolv.conf\n",
        );
        assert.equal(existsSync(join(rootfs, "etc/new")), false);
      });
    }

    test("--overlay on the host's own / shows it, and changes nothing", () => {
      const { stdout, stderr } = run([
        "contain",
        "run",
        "-q",
        "--overlay",
        "--",
        "sh",
        "-c",
        "echo x >/etc/contain-test-new && rm /etc/passwd && ls /etc/contain-test-new; cat /proc/self/mountinfo",
      ]);
      assert.equal(stderr, "");
      assert.match(stdout, /^\/etc\/contain-test-new\n/);
      assert.equal(existsSync("/etc/contain-test-new"), false);
      assert.ok(existsSync("/etc/passwd"));
      // No mount of the host has stayed, and no path of it is told.
      const mounts = readMounts(stdout);
      mounts.delete("/run/contain"); // our own, over the states, where /run is no file system of its own
      assert.deepEqual([...mounts.keys()].sort(), ["/", "/dev", "/dev/pts", "/dev/shm", "/proc"]);
      for (const option of mounts.get("/")?.options ?? [])
        assert.match(option, /^(rw|(lower|upper|work)dir=[/:a-z\d]*\/proc\/self\/fd\/\d+|[a-z_]+=\w+)$/);
    });

    test("the layer's root looks as ROOTFS does, whoever that belongs to", () => {
      const odd = folder("odd");
      run(["cp", "-a", `${rootfs}/.`, odd]);
      chownSync(odd, 1000, 1001);
      chmodSync(odd, 0o2750);
      const { stdout } = run(["contain", "run", "-q", "--rootfs", odd, "--overlay", "/bin/stat", "-c", "%a %u %g", "/"]);
      assert.equal(stdout, "2750 1000 1001\n");
    });

    test("layers are stacked as in an image: ROOTFS, then the first --overlay-lower, then the next; on top what is written", () => {
      const [one, two, three] = ["one", "two", "three"].map((name, i) => {
        const path = folder(`lower:${name},${i}`);
        for (const other of ["one", "two", "three"].slice(i)) {
          mkdirSync(join(path, "mnt"), { recursive: true });
          writeFileSync(join(path, "mnt", other), `${name}\n`);
        }
        return path;
      });
      const stack = ["--overlay-lower", one ?? "", "--overlay-lower", two ?? "", "--overlay-lower", three ?? ""];
      const show = "cat /mnt/one /mnt/two /mnt/three; echo x >/mnt/new";
      const { stdout, stderr } = inside(stack, show);
      assert.equal(stdout, "one\ntwo\nthree\n");
      assert.match(stderr, /Read-only file system/);
      assert.equal(output([...stack, "--overlay"], `${show}; cat /mnt/new`), "one\ntwo\nthree\nx\n");
      for (const layer of [one, two, three]) assert.equal(existsSync(join(layer ?? "", "mnt/new")), false);
    });

    test("flags of the mount that ROOTFS lies on hold through the layers", () => {
      const { stdout } = isolated(`
        mount -t tmpfs -o nosuid,nodev none ${folder("flags")}; cp -a ${rootfs}/. ${join(dir, "flags")}
        contain run -q --rootfs ${join(dir, "flags")} --overlay -- /bin/cat /proc/self/mountinfo`);
      assert.equal(readMounts(stdout).get("/")?.flags, "nodev,nosuid,relatime,rw");
    });

    test("an ordinary user has layers too", () => {
      const upper = folder("of-nobody");
      chownSync(upper, NOBODY.uid, NOBODY.gid);
      assert.equal(output(["--overlay"], "echo x >/new; cat /new; ls /", NOBODY).split("\n").includes("new"), true);
      output([`--overlay=${upper}/layer`], "echo x >/new", NOBODY);
      assert.equal(read(upper, "layer/upper/new"), "x\n");
      assert.equal(statSync(join(upper, "layer/upper/new")).uid, NOBODY.uid);
      assert.equal(output([`--overlay=${upper}/layer`], "cat /new", NOBODY), "x\n");
    });

    for (const [what, script, message] of [
      [
        "in use",
        `contain run -q --rootfs ROOTFS --overlay=DIR -- /bin/sh -c 'echo ready; read x' <DIR.pipe >DIR.out &
         exec 3>DIR.pipe; until grep -q ready DIR.out; do sleep 0.05; done; CONTAIN; status=$?; exec 3>&-; wait; exit $status`,
        /--overlay=.*EBUSY.*\n.*in use as the writable layer of another/,
      ],
      [
        "filled over another ROOTFS",
        "cp -a ROOTFS DIR.other; contain run -q --rootfs DIR.other --overlay=DIR /bin/true || exit 1; CONTAIN",
        /--overlay=.*ESTALE.*\n.*over another ROOTFS/,
      ],
      [
        "with a lower layer in it",
        "mkdir -p DIR/upper; CONTAIN --overlay-lower DIR/upper",
        /--overlay=.*ELOOP.*\n.*inside the writable one/,
      ],
      [
        "on a file system that cannot",
        "mkdir DIR DIR.up DIR.work; mount -t overlay none -o lowerdir=ROOTFS,upperdir=DIR.up,workdir=DIR.work DIR; CONTAIN",
        /--overlay=.*EINVAL.*\n.*another overlay, as inside docker/,
      ],
      ["on a read-only file system", "mkdir DIR; mount -t tmpfs -o ro none DIR; CONTAIN", /--overlay: .*upper cannot be made: EROFS/],
    ] as const) {
      test(`a DIR ${what} is refused, with the reason`, () => {
        const at = join(dir, `refused-${what.replaceAll(" ", "-")}`);
        const fill = (text: string) =>
          text
            .replaceAll(/CONTAIN(.*?)(;|$)/g, "contain run -q --rootfs ROOTFS --overlay=DIR$1 -- /bin/true$2")
            .replaceAll("ROOTFS", rootfs)
            .replaceAll("DIR", at);
        const { status, stderr } = isolated(`mkfifo ${at}.pipe; ${fill(script)}`);
        assert.equal(status, 125, stderr);
        assert.match(stderr, message);
      });
    }
  });

  describe("namespaces", () => {
    const kinds = ["user", "pid", "uts", "mnt", "ipc", "net", "cgroup", "time"];
    const ids = (text: string) =>
      new Map(
        text
          .trim()
          .split("\n")
          .map((line) => [line.split(":")[0] ?? "", line] as const),
      );
    const own = ids(run(["sh", "-c", `readlink ${kinds.map((kind) => `/proc/self/ns/${kind}`).join(" ")}`]).stdout);
    const made = (options: readonly string[], settings: RunOptions = {}) => {
      const seen = ids(output(options, `for k in ${kinds.join(" ")}; do readlink /proc/self/ns/$k; done`, settings));
      assert.equal(seen.size, kinds.length);
      return kinds.filter((kind) => seen.get(kind) !== own.get(kind)).join(",");
    };
    for (const [options, wanted] of [
      [[], "pid,uts,mnt,ipc,cgroup"],
      [["--ns", "pid,uts,mnt,ipc,cgroup"], "pid,uts,mnt,ipc,cgroup"],
      [["--ns", "pid,mount"], "pid,mnt"],
      [["--ns", "pid"], "pid,mnt"],
      [["--ns", "uts"], "uts,mnt"],
      [["--ns", "mnt"], "mnt"],
      [["--ns", "ipc,net,time"], "mnt,ipc,net,time"],
      [["--ns", "user,pid,mnt"], "user,pid,mnt"],
      [["--ns", "user,pid,uts,mnt,ipc,net,cgroup,time"], kinds.join(",")],
      [["--net", "host"], "pid,uts,mnt,ipc,cgroup"],
      [["--net", "none"], "pid,uts,mnt,ipc,net,cgroup"],
      [["--net", "none", "--ns", "mnt,net"], "mnt,net"],
      [["--net", "none", "--ns", "mnt"], "mnt,net"],
    ] as const) {
      for (const init of [[], ["--init"]])
        test(`${[...options, ...init].join(" ") || "nothing asked"}: ${wanted}`, () => assert.equal(made([...options, ...init]), wanted));
    }

    test("an ordinary user gets a user namespace in any case", () => {
      assert.equal(made(["--ns", "pid,mnt"], NOBODY), "user,pid,mnt");
      assert.equal(made(["--net", "none"], NOBODY), "user,pid,uts,mnt,ipc,net,cgroup");
    });

    test("root's user namespace maps every id to itself, and --user works in it", () => {
      assert.match(
        output(["--ns", "user,pid,mnt", "--user", "app"], "cat /proc/self/uid_map; id -u; id -G"),
        /^ +0 +0 4294967294\n1000\n1001 50 63\n$/,
      );
    });

    test("without a UTS namespace the host's name stays, and is known inside", () => {
      assert.equal(output(["--ns", "pid,mnt"], "cat /proc/sys/kernel/hostname; echo $HOSTNAME"), `${hostname()}\n${hostname()}\n`);
    });

    for (const [how, options, settings] of [
      ["as root", [], {}],
      ["as an ordinary user", [], NOBODY],
      ["behind --user", ["--user", "app"], {}],
    ] as const) {
      test(`--net none has loopback alone, and it answers, ${how}`, () => {
        const talk =
          "tail -n +3 /proc/net/dev | sed 's/:.*//; s/ //g'; mkfifo /dev/shm/open; nc -l -p 4444 <>/dev/shm/open & for i in $(seq 100); do echo hello | nc 127.0.0.1 4444 2>/dev/null && break; sleep 0.05; done; wait; grep -c 00000000000000000000000000000001 /proc/net/if_inet6";
        const { stdout } = inside(["--net", "none", ...options], talk, settings);
        assert.equal(stdout, "lo\nhello\n1\n");
      });
    }

    test("without a PID namespace the program sees the host's processes, and dies with its container's end", () => {
      const marker = `77777.${process.pid}`;
      const { stdout, status } = inside(["--ns", "mnt,uts"], `sleep ${marker} & ls -d /proc/${process.pid}; exit 4`);
      assert.deepEqual([stdout, status], [`/proc/${process.pid}\n`, 4]);
      const left = run(["sh", "-c", `grep -lsa ${marker} /proc/[0-9]*/cmdline | grep -v self`]).stdout;
      assert.doesNotMatch(
        left
          .split("\n")
          .map((path) => (path ? readQuietly(path) : ""))
          .join(),
        /^sleep\0/,
      );
    });
  });

  describe("--cidfile", () => {
    test("has the id while it runs, and afterwards", () => {
      const cid = join(dir, "cid");
      const report = join(dir, "report.json");
      output(["--cidfile", cid, "--json", report, "--volume", `${dir}:/mnt`], "cp /mnt/cid /mnt/cid.seen");
      assert.match(read(cid), /^[0-9a-f]{12}$/);
      assert.equal(read(join(dir, "cid.seen")), read(cid));
      assert.equal((JSON.parse(read(report)) as { id: string }).id, read(cid));
    });

    test("is refused where it exists, and stays as it is", () => {
      const cid = file("cid.there", "of another");
      const { status, stderr } = inside(["--cidfile", cid], "echo ran");
      assert.equal(status, 125);
      assert.match(stderr, /--cidfile .*: already exists\n/);
      assert.equal(read(cid), "of another");
    });

    test("needs a directory that is there and can be written to", () => {
      assert.match(inside(["--cidfile", join(dir, "no/such/cid")], "true").stderr, /there is no directory .*\/no\/such/);
      assert.match(inside(["--cidfile", join(dir, "cid.nobody")], "true", NOBODY).stderr, /cannot be written to: EACCES/);
    });
  });

  describe("what is wrong is told before anything is changed", () => {
    const bad = (name: string, text: string | Buffer) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const link = join(dir, "dangling");
    symlinkSync("/nowhere", link);
    for (const [options, message] of [
      [["--volume", "/etc"], /--volume "\/etc": must be SRC:DST\[:ro\]/],
      [["--volume", "/etc:mnt"], /must be SRC:DST/],
      [["--volume", ":/mnt"], /must be SRC:DST/],
      [["--volume", "/etc:"], /must be SRC:DST/],
      [["--volume", "/etc:/mnt:y"], /must be SRC:DST/],
      [["--volume", "/etc:/mnt:ro:rw"], /must be SRC:DST/],
      [["--volume", "/no/such:/mnt"], /there is no \/no\/such on the host/],
      [["--tmpfs", "tmp"], /--tmpfs tmp: must be DST\[:SIZE\]/],
      [["--tmpfs", "/tmp:much"], /--tmpfs: "much" is not a size/],
      [["--tmpfs", "/tmp:1M:2"], /must be DST\[:SIZE\]/],
      [["--env", "=x"], /--env "=x": must be NAME=VALUE, or NAME/],
      [["--env-file", "/no/such"], /--env-file \/no\/such: cannot be read: ENOENT/],
      [["--env-file", "/"], /cannot be read: EISDIR/],
      [["--env-file", link], /cannot be read: ENOENT/],
      [["--env-file", bad("bad1", "A=1\nB C=2\n")], /line 2: there is white space in the name "B C"/],
      [["--env-file", bad("bad2", "\n\n=x\n")], /line 3: there is no name before the =/],
      [["--env-file", bad("bad3", "A \n")], /line 1: there is white space/],
      [["--env-file", bad("bad4", Buffer.from([65, 61, 0xff, 10]))], /line 1: it is not UTF-8/],
      [["--env-file", bad("bad5", "A=1\0B\n")], /line 1: a NUL byte/],
      [["--workdir", "etc"], /--cwd etc: .*starts with \//],
      [["--user", ":"], /--user ":": must be UID\[:GID\]/],
      [["--user", ":0"], /must be UID\[:GID\]/],
      [["--user", "0:"], /must be UID\[:GID\]/],
      [["--user", "0:0:0"], /must be UID\[:GID\]/],
      [["--user", "4294967295"], /"4294967295" is not an id/],
      [["--user", "0:-1"], /"-1" is not an id/],
      [["--user=-1"], /"-1" is not an id/],
      [["--ulimit", "nofile"], /must be NAME=SOFT\[:HARD\]\n.*core, cpu, data/],
      [["--ulimit", "files=3"], /must be NAME=SOFT/],
      [["--ulimit", "__proto__=3"], /must be NAME=SOFT/],
      [["--ulimit", "nofile="], /"" is not a number/],
      [["--ulimit", "nofile=1K"], /"1K" is not a number/],
      [["--ulimit", "nofile=-2"], /"-2" is not a number/],
      [["--ulimit", "nofile=1:"], /"" is not a number/],
      [["--ulimit", "nofile=1:2:3"], /"2:3" is not a number/],
      [["--ulimit", "nofile=18446744073709551616"], /is not a number/],
      [["--ulimit", "nofile=5:4"], /the soft limit is above the hard one/],
      [["--ulimit", "nofile=-1:4"], /the soft limit is above the hard one/],
      [["--read-only", "--rw"], /--read-only and --rw exclude each other/],
      [["--read-only", "--overlay"], /--read-only and --overlay exclude each other/],
      [["--rw", "--overlay"], /--rw and --overlay exclude each other\n.*ROOTFS is never written to/],
      [["--rw", "--overlay-lower", "/"], /--rw and --overlay-lower exclude each other/],
      [["--overlay=/no/such/dir"], /--overlay \/no\/such: no such directory/],
      [["--overlay=/etc/passwd"], /--overlay \/etc\/passwd: not a directory/],
      [["--overlay-lower", "/no/such"], /--overlay-lower \/no\/such: no such directory/],
      [["--overlay-lower", "/etc/passwd"], /not a directory/],
      [["--ns", "pid,nt"], /--ns: "nt" is not a namespace\n.*user, pid, uts, mnt, ipc, net, cgroup, time/],
      [["--ns", "pid,"], /--ns: "" is not a namespace/],
      [["--ns", "PID"], /is not a namespace/],
      [["--ns", "pid,mnt", "--hostname", "x"], /--hostname: without a UTS namespace/],
      [["--net", "x"], /--net x: must be none, host or veth/],
      [["--net", "host", "--ns", "net"], /--net host excludes --ns net/],
      [["--name", "a b"], /--name "a b"/],
      [["--cidfile", "/"], /--cidfile \/: already exists/],
    ] as const) {
      test(`${options.map((word) => word.replace(dir, "")).join(" ")}`, () => {
        const told = refusal(["contain", "run", "--rootfs", rootfs, ...options, "--", "/bin/echo", "ran"]);
        assert.match(told, message);
        assert.match(told, /^(contain|pivot): /);
      });
    }
  });
});

function readQuietly(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
