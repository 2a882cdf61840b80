// What a container's own files and programs try against the host and against who supervises them. The network is elsewhere, and so are
// links in a rootfs (pivot/hostile.test.ts) and bounds of the log (contain/detach.test.ts).
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { NOBODY, run, sh } from "../helpers/run.ts";
import { start } from "../helpers/started.ts";
import { pause } from "../helpers/wait.ts";

const dir = scratch("hostile");
const rootfs = makeRootfs(dir);
const contain = (...words: string[]) => run(["contain", "run", "--quiet", ...words]);

/** Makes `path` inside the root what an attacker would have it be. */
function plant(path: string, content: { link: string } | { script: string }): void {
  const file = join(rootfs, path);
  mkdirSync(dirname(file), { recursive: true });
  if ("link" in content) symlinkSync(content.link, file);
  else writeFileSync(file, content.script);
  if ("script" in content) chmodSync(file, 0o755);
}

describe("/proc/self/exe is the host's runtime (CVE-2019-5736)", need("root", "gcc"), () => {
  /** The attacker's loader: whatever dynamic program is started inside, this runs, and /proc/self/exe is that program's file. */
  const LOADER = `
    static long call(long number, long a, long b, long c) {
      long result;
    #ifdef __x86_64__
      __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    #else
      register long x8 __asm__("x8") = number; register long x0 __asm__("x0") = a; register long x1 __asm__("x1") = b; register long x2 __asm__("x2") = c;
      __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
      result = x0;
    #endif
      return result;
    }
    void _start(void) {
      static const char text[] = "a program of the host, run by the container\\n";
      call(SYS_write, 1, (long)text, sizeof text - 1);
      call(SYS_exit, 0, 0, 0);
    }`;
  before(() => {
    const loader = join(dir, "loader");
    writeFileSync(`${loader}.c`, `#include <sys/syscall.h>\n${LOADER}`);
    const built = run(["gcc", "-nostdlib", "-static", "-ffreestanding", "-fno-stack-protector", "-o", loader, `${loader}.c`]);
    assert.equal(built.status, 0, built.stderr);
    for (const name of ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"]) {
      mkdirSync(join(rootfs, dirname(name)), { recursive: true });
      copyFileSync(loader, join(rootfs, name));
    }
    plant("bin/evil", { link: "/proc/self/exe" });
    plant("bin/hop", { link: "evil" });
    plant("bin/script", { script: "#!/proc/self/exe\n" });
    plant("bin/nested", { script: "#!/bin/script\n" });
    plant("bin/other", { link: "/proc/1/root/bin/busybox" });
  });

  for (const program of [
    "/bin/evil",
    "/bin/hop",
    "evil",
    "/bin/script",
    "/bin/nested",
    "/bin/other",
    "/proc/self/exe",
    "../proc/self/exe",
  ]) {
    test(`is not what a container starts as ${program}`, () => {
      const { status, stdout, stderr } = contain("--rootfs", rootfs, "--", program);
      assert.equal(stdout, "", "nothing of it ran");
      assert.equal(status, 126, stderr);
      assert.match(stderr, /leads through a link of \/proc, and out of the container/);
    });
  }

  test("nor by contain exec, and an ordinary script still runs", () => {
    plant("bin/good", { script: "#!/bin/sh\necho good\n" });
    const { stdout, stderr } = sh(`
      id=$(contain run -q -d --rootfs ${rootfs} -- sleep 1000)
      contain exec $id -- /bin/script; echo $?
      contain exec $id -- /bin/good; echo $?
      contain kill $id >/dev/null; contain wait $id >/dev/null; contain rm $id >/dev/null`);
    assert.equal(stdout, "126\ngood\n0\n", stderr);
  });
});

describe("a program inside", need("root", "perl"), () => {
  const COMM = String.raw`\e[2J\e]0;x\a`;

  test("does not write on the operator's terminal by its name: the log, the verdict, refusals", async () => {
    const box = start(
      `exec contain run --confine --trace-denied -- perl -e '$0 = "${COMM}"; syscall(246, 0); $| = 1; $SIG{TERM} = sub { exit 4 }; print "ready\n"; sleep 30'`,
    );
    await box.shows("ready");
    box.child.kill("SIGTERM");
    assert.equal(await box.ended, 4);
    const { stderr } = box.output();
    assert.match(stderr, /SIGTERM sent to PID 1 \(\\x1b/);
    assert.match(stderr, /kexec_load was refused to \\x1b/);
    assert.equal(/[^\n\x20-\x7e]/.test(stderr), false, JSON.stringify(stderr));
  });

  test("that has filled its descriptors is stopped all the same, and takes none of ours", async () => {
    const box = start(
      `exec contain run --grace 300ms -- perl -e '$| = 1; $SIG{TERM} = "IGNORE"; 1 while open($f[@f], "<", "/dev/null"); print "full\n"; sleep 30'`,
    );
    await box.shows("full");
    box.child.kill("SIGTERM");
    assert.equal(await box.ended, 137, box.output().stderr);
  });

  test("that fills its output without a reader does not keep the supervisor from its work", async () => {
    const box = start(
      `mkfifo ${dir}/pipe; exec 3<>${dir}/pipe; contain run --grace 300ms -- sh -c 'echo ready >&2; exec yes' >${dir}/pipe 2>${dir}/err & trap 'kill -TERM $!; wait $!; echo "status $?"; exit 0' TERM; while ! grep -q ready ${dir}/err; do sleep 0.05; done; echo up; wait $!; wait $!`,
    );
    await box.shows("up");
    await pause(200);
    box.child.kill("SIGTERM");
    await box.shows("status ");
    assert.match(box.output().stdout, /status (143|137)/);
    await box.ended;
  });

  for (const words of [[], ["--confine"], ["--init"], ["--init", "--confine"]]) {
    test(`finds no descriptor and no word of the host's, in any process: ${words.join(" ") || "plain"}`, () => {
      const script = `
        for p in /proc/[0-9]*; do
          for f in $p/fd/*; do readlink $f 2>/dev/null; done
          tr '\\0' '\\n' <$p/environ 2>/dev/null
          tr '\\0' '\\n' <$p/cmdline 2>/dev/null
        done | grep -F -f /etc/words; echo done`;
      writeFileSync(join(rootfs, "etc/words"), `${dir}\nCANARY\n/node\nv8-pool\ncontain\n`);
      writeFileSync(join(rootfs, "bin/look"), `#!/bin/sh\n${script}`);
      chmodSync(join(rootfs, "bin/look"), 0o755);
      const { stdout, stderr } = sh(`exec 7<${dir} 8</etc/passwd; contain run -q ${words.join(" ")} --rootfs ${rootfs} -- look`, {
        env: { CANARY: "CANARY" },
      });
      assert.equal(stdout, "done\n", stderr);
    });
  }

  test("cannot trace who joins it: contain exec, from before it has become the program", async () => {
    // It attaches to whatever comes; the one that it waits for is there for the blink of an eye, so there are many.
    const hunter = `
      $| = 1; print "ready\\n"; my %seen; my $end = time + 5; my $hits = 0; my $tries = 0;
      while (time < $end && $tries < 12) {
        opendir my $d, "/proc" or die;
        for my $p (grep { /^[0-9]+$/ && $_ != $$ && $_ != 1 } readdir $d) {
          next if $seen{$p};
          open my $c, "<", "/proc/$p/comm" or next; my $n = <$c>; chomp $n; next if $n eq "true";
          my $exe = readlink "/proc/$p/exe"; my $fd = readlink "/proc/$p/fd/0"; my $env = open(my $e, "<", "/proc/$p/environ") && defined readline($e); my $att = syscall(101, 0x4206, $p + 0, 0, 0);
          seek $c, 0, 0; my $now = readline $c; # it may have become the program meanwhile
          $hits++ if (defined $exe or defined $fd or $env or $att == 0) and defined $now and $now eq "$n\\n";
          $seen{$p}++ or $tries++;
        }
      }
      print "tries $tries hits $hits\\n"`;
    const { stdout, stderr } = sh(`
      id=$(contain run -q -d --confine -- perl -e '${hunter}')
      until contain logs $id | grep -q ready; do sleep 0.1; done
      for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do contain exec $id -- true 2>/dev/null; done
      contain wait $id >/dev/null; contain logs $id; contain rm $id >/dev/null`);
    const [, tries, hits] = /tries (\d+) hits (\d+)/.exec(stdout) ?? [];
    assert.ok(Number(tries) > 0, `it saw someone: ${stdout}${stderr}`);
    assert.equal(hits, "0", stdout);
  });

  for (const words of ["", "--confine", "--init"]) {
    test(`sends no signal to its supervisor: by no number, and not by the process group, which no PID namespace divides: ${words || "plain"}`, () => {
      // In a session of its own: what the test guards against would kill the test too. With pid1 the program kills itself alone, and its own group.
      const code = `for my $n (2 .. 5000, -1) { next if $n == $$; kill 15, $n and print qq($n ) } kill ${words === "--init" ? 0 : 9}, 0; sleep 1; print getppid(), qq(\\n); exit 6`;
      const ppid = words === "--init" ? 1 : 0;
      const { stdout, stderr } = sh(`
        setsid --wait contain run -q ${words} -- perl -e '${code}'; echo $?
        id=$(contain run -q -d ${words} -- perl -e '${code}'); contain wait $id; contain logs $id; contain rm $id >/dev/null`);
      assert.equal(stdout, `${ppid}\n6\n6\n${ppid}\n`, stderr);
    });
  }

  test("that was joined by contain exec sends none to who joined it", () => {
    const { stdout, stderr } = sh(`
      id=$(contain run -q -d --rootfs ${rootfs} -- sleep 1000)
      setsid --wait sh -c "contain exec $id -- /bin/sh -c 'kill -15 0; sleep 1'; echo status \\$?"
      contain kill $id >/dev/null; contain wait $id >/dev/null 2>&1; contain rm $id >/dev/null`);
    assert.equal(stdout, "status 143\n", stderr);
  });

  /** Tries what would lead to a file of the host's by way of the processes inside: their programs, libraries, memory, directories. */
  const REACH = `
    for my $p (grep { $_ != $$ } map { m{(\\d+)$} } glob "/proc/[0-9]*") {
      for my $way ("exe", "mem", "environ", "maps", "cwd/.", "root/.") { print "$way " if open my $f, "<", "/proc/$p/$way" or opendir my $d, "/proc/$p/$way" }
      print "written " if open my $f, "+<", "/proc/$p/exe";
      my @maps = opendir(D, "/proc/$p/map_files") ? grep { /-/ } readdir D : ();
      print "map_files " if grep { open my $f, "+<", "/proc/$p/map_files/$_" } @maps;
      print "traced " if syscall(101, 0x4206, $p + 0, 0, 0) == 0;
    }
    print "end"`;
  for (const words of [
    "--init --confine",
    "--confine --trace-denied",
    "--init --ns pid,mnt,user",
    "--init --user 65534",
    "--init --confine --user 65534",
  ]) {
    test(`reaches no program, library or memory of ours: ${words}`, () => {
      const { stdout, stderr } = contain(...words.split(" "), "--", "perl", "-e", REACH);
      assert.equal(stdout, "end", stderr);
    });
  }
  test("without rails reaches them, being root: what the test above looks for is there", () => {
    assert.match(contain("--init", "--", "perl", "-e", REACH).stdout, /exe mem .*map_files traced end/);
  });

  for (const path of ["/proc/self/fd/7", "/proc/self/cwd", "/proc/1/root", "/away", "/out", "/proc/self/fd/5"]) {
    test(`does not begin in a directory of the host: --workdir ${path} (CVE-2024-21626)`, () => {
      if (path === "/away") plant("away", { link: "/proc/self/fd/7" });
      if (path === "/out") plant("out", { link: "../../../../../../../../../usr/include" });
      const { stdout, stderr } = sh(`
        exec 7</usr/include
        contain run -q --rootfs ${rootfs} --workdir ${path} -- /bin/ls
        id=$(contain run -q -d --rootfs ${rootfs} -- sleep 1000)
        contain exec --workdir ${path} $id -- /bin/ls
        contain kill $id >/dev/null; contain wait $id >/dev/null 2>&1; contain rm $id >/dev/null`);
      assert.equal(stdout, "", "nothing of it ran");
      assert.equal(stderr.split(/ELOOP|no such directory/).length - 1, 2, stderr);
    });
  }

  test("has no words that write on the terminal where it is shown: steps, list, inspect, explain", () => {
    const evil = "\x1b]0;x\x07\x9b31m\u202e\u2028";
    const { stdout, stderr } = sh(
      `
      id=$(contain run -d --hostname "h$EVIL" --rootfs ${rootfs} -- sh -c ": $EVIL; sleep 1000")
      contain list; contain list --json; contain inspect $id; contain explain $id; contain exec $id -- "/no$EVIL"; contain inspect "no$EVIL"
      contain kill $id >/dev/null; contain wait $id >/dev/null; contain rm $id >/dev/null`,
      { env: { EVIL: evil } },
    );
    assert.match(stdout, /\\u009b31m\\u202e\\u2028/, "JSON has it all the same");
    assert.match(stderr, /\\x1b\]0;x/);
    for (const text of [stdout, stderr]) assert.equal(/[^\n\P{Cc}]|\p{Cf}|\p{Zl}/u.exec(text), null, JSON.stringify(text));
  });

  test("cannot change the host's device nodes that are bound in, where its root is root of the host", () => {
    const { stdout, stderr } = contain(
      ...["--ns", "pid,mnt,user", "--rootfs", rootfs, "--", "/bin/sh", "-c"],
      "for f in null zero; do chmod 667 /dev/$f && echo changed; done; echo x >/dev/null && echo written",
    );
    run(["chmod", "666", "/dev/null", "/dev/zero"]);
    assert.equal(stdout, "written\n", stderr);
  });
});

describe("files of a rootfs that are not what they seem", need("root"), () => {
  const lines: readonly { readonly name: string; readonly make: string; readonly user: string; readonly said: RegExp }[] = [
    { name: "a passwd of newlines", make: "head -c 8000000 /dev/zero | tr '\\0' '\\n' >passwd", user: "foo", said: /no user "foo"/ },
    { name: "a passwd of 1 GB", make: "rm -f passwd; truncate -s 1G passwd", user: "foo", said: /no user "foo"/ },
    { name: "a passwd of colons", make: "head -c 8000000 /dev/zero | tr '\\0' : >passwd", user: "foo", said: /no user "foo"/ },
    { name: "a group that is a link to /dev/zero", make: "rm -f group; ln -s /dev/zero group", user: "5:foo", said: /no group "foo"/ },
    {
      name: "a passwd that is a link to the own memory",
      make: "rm -f passwd; ln -s /proc/self/mem passwd",
      user: "foo",
      said: /no user "foo"/,
    },
    {
      name: "a group file with more groups than a process can have",
      make: "rm -f group passwd; echo a:x:7:7::/: >passwd; seq -f 'g%.0f:x:%.0f:a' 1 70000 >group 2>/dev/null || seq 1 70000 | sed 's/.*/g:x:&:a/' >group",
      user: "a",
      said: /is in 70000 groups .*\n.*65536/,
    },
  ];
  for (const { name, make, user, said } of lines) {
    test(`${name} is no way to hang or to fill memory`, () => {
      const { stdout } = sh(`
        cd ${rootfs}/etc; cp -P passwd ${dir}/passwd; cp -P group ${dir}/group; ${make}
        prlimit --as=4000000000 true; timeout -s KILL 100 contain run -q --rootfs ${rootfs} --user ${user} -- /bin/true 2>&1; echo $?
        rm passwd group; mv ${dir}/passwd ${dir}/group .`);
      assert.match(stdout, said);
      assert.match(stdout, /^125$/m);
      assert.ok(stdout.length < 500, "and it is told in a few words");
    });
  }
});

test("without /proc it says so", need("root", "unshare"), () => {
  const { stdout, stderr } = isolated("mount -t tmpfs none /proc; contain run -q -- /bin/true; echo $?");
  assert.equal(stdout, "125\n");
  assert.equal(stderr, "contain: /proc is missing: a program finds itself by it\n  mount -t proc proc /proc\n");
});

describe("masks", need("root", "unshare"), () => {
  for (const [name, make] of [
    ["a link", "ln -s /etc/passwd $null"],
    ["a FIFO", "mkfifo $null"],
    ["a file", "echo no >$null"],
    ["another device", "mknod $null c 1 5"],
  ] as const) {
    test(`the rootfs has as /dev/null ${name}: the mask is the host's all the same`, () => {
      const { stdout, stderr } = isolated(`
        cp -r ${rootfs} ${dir}/null; null=${dir}/null/dev/null; ${make}
        pivot ${dir}/null --mask --no-dev -- stat -c %t:%T /proc/keys /proc/timer_list; rm -rf ${dir}/null`);
      assert.equal(stdout, "1:3\n1:3\n", stderr);
    });
  }

  for (const device of [`${dir}/secret`, "/dev/zero"]) {
    test(`a null device of the host that is none is refused, before anything is shown through it (CVE-2025-31133): ${device === "/dev/zero" ? device : "a file"}`, () => {
      const { status, stdout, stderr } = isolated(
        `echo secret >${dir}/secret; mount --bind ${device} /dev/null; exec pivot ${rootfs} --mask -- head -c 3 /proc/keys`,
      );
      assert.equal(status, 125);
      assert.equal(stdout, "");
      assert.match(stderr, /--mask: \/dev\/null on the host is not the character device 1:3/);
    });
  }

  test("a /proc of the rootfs's own making is not the kernel's, and nothing is laid over it", () => {
    const { stdout, stderr } = isolated(
      `mkdir -p ${dir}/fake/proc/sys ${dir}/fake/bin; echo mine >${dir}/fake/proc/keys; cp -r ${rootfs}/bin ${dir}/fake/; pivot ${dir}/fake --mask --no-proc --no-dev -- cat /proc/keys`,
    );
    assert.equal(stdout, "mine\n", stderr);
  });

  test("an ordinary user's mask is the same", () => {
    const { stdout, stderr } = run(
      ["contain", "run", "-q", "--confine", "--rootfs", rootfs, "--", "stat", "-c", "%t:%T", "/proc/keys"],
      NOBODY,
    );
    assert.equal(stdout, "1:3\n", stderr);
  });
});
