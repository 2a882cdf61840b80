// The caller's session keyring stays outside: a container has one of its own, and what is exec'd in it has the same.
import assert from "node:assert/strict";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const [KEYCTL, ADD_KEY] = process.arch === "arm64" ? [219, 217] : [250, 248];
const add = (name: string) =>
  `my ($t, $n, $s) = ("user", "${name}", "secret"); syscall(${ADD_KEY}, $t, $n, $s, 6, -3) > 0 or die "add_key: $!";`;
/** Becomes a program whose session keyring is new and has the key `canary`. */
const HOLDER = ["perl", "-e", `syscall(${KEYCTL}, 1, 0) > 0 or die "join: $!"; ${add("canary")} exec @ARGV`];
/** Prints the name of the session keyring, and which of the keys can be found by it. */
const LOOK = [
  ...["perl", "-e"],
  `my $b = "\\0" x 200; my $l = syscall(${KEYCTL}, 6, -3, $b, 200); print $l < 0 ? "$!" : (split /;/, substr($b, 0, $l - 1))[4];
   for ("canary", "own") { my ($t, $n) = ("user", $_); print " $_" if syscall(${KEYCTL}, 10, -3, $t, $n, 0) > 0; } print "\\n";`,
];
const OWN = /^_ses\.[0-9a-f]{12}$/m;

describe("session keyrings", need("root", "perl", "setpriv"), () => {
  const world = new World("keyring");
  const dir = scratch("keyring");
  const ids = subordinateIds(world, dir);
  before(() => {
    ids.set("containers:2214592512:131072\n");
    for (const uid of [65534, 61234]) {
      mkdirSync(join(dir, `${uid}`));
      chownSync(join(dir, `${uid}`), uid, uid);
    }
    run(["chmod", "755", dir]);
  });
  const as = (uid: number) => [
    "setpriv",
    "--reuid",
    `${uid}`,
    "--regid",
    `${uid}`,
    "--clear-groups",
    "env",
    `XDG_RUNTIME_DIR=${dir}/${uid}`,
  ];
  const held = (...words: readonly string[]) => world.run([...HOLDER, ...words]);
  const contain = `${bin}/contain`;

  const cases: readonly (readonly string[])[] = [
    [],
    ["--init"],
    ["--tty"],
    ["--confine", "--seccomp", "none"],
    ["--confine", "--seccomp", "none", "--init", "--user", "1000"],
    ["--user", "1000"],
    ["--userns", "auto"],
    ["--ns", "pid,mnt,user"],
    ["--ns", "mnt"],
    ["--chain", "exec"],
  ];
  for (const options of cases)
    test(`contain run ${options.join(" ")}: its own`, () => {
      const { stdout, stderr } = held(contain, "run", "-q", ...options, "--", ...LOOK);
      assert.match(stdout.replaceAll("\r", ""), OWN, stderr);
    });

  test("for an ordinary user too", () => {
    const { stdout, stderr } = world.run([...as(65534), ...HOLDER, contain, "run", "-q", "--", ...LOOK]);
    assert.match(stdout, OWN, stderr);
  });

  test("the script of --print-chain does the same", () => {
    const { stdout: script } = held(contain, "run", "--print-chain", "--", ...LOOK);
    assert.match(script, / --keyring _ses\.[0-9a-f]{12} -- /);
    assert.match(held("/bin/sh", "-c", script).stdout, OWN);
  });

  test("--keep-keyring leaves the caller's", () => {
    assert.match(held(contain, "run", "-q", "--keep-keyring", "--", ...LOOK).stdout, / canary$/m);
  });

  for (const [how, options] of [
    ["exec", []],
    ["exec --tty", ["--tty"]],
    ["exec --user 1000", ["--user", "1000"]],
    ["exec --chain exec", ["--chain", "exec"]],
  ] as const)
    for (const inside of [
      ["--ns", "pid,mnt"],
      ["--userns", "auto"],
      ["--confine", "--seccomp", "none"],
    ])
      test(`${how} into ${inside.join(" ")}: the container's own`, async () => {
        const box = await world.start(["--quiet", ...inside, "--", "perl", "-e", `${add("own")} exec "sleep", "1000"`]);
        let seen = "";
        for (const until = Date.now() + 20_000; !/ own$/m.test(seen) && Date.now() < until; )
          seen = held(contain, "exec", ...options, box.id, "--", ...LOOK).stdout.replaceAll("\r", "");
        assert.equal(seen, `_ses.${box.id} own\n`);
        world.run([contain, "kill", box.id]);
        await box.ended;
      });

  test("exec into a container that has the caller's: a new one", async () => {
    const box = await world.start(["--quiet", "--keep-keyring", "--", "sleep", "1000"]);
    assert.equal(held(contain, "exec", box.id, "--", ...LOOK).stdout, `_ses.${box.id}\n`);
    world.run([contain, "kill", box.id]);
    await box.ended;
  });

  test("nsexec alone leaves the keyring, and --keyring makes one", () => {
    const nsexec = `${bin}/nsexec`;
    assert.match(held(nsexec, "--fork", "--", ...LOOK).stdout, / canary$/m);
    assert.equal(held(nsexec, "--keyring", "mine", "--", ...LOOK).stdout, "mine\n");
    assert.equal(held(nsexec, "--fork", "--keyring", "mine", "--", ...LOOK).stdout, "mine\n");
    const { status, stderr } = held(nsexec, "--keyring", ".mine", "--", "true");
    assert.equal(status, 125);
    assert.match(stderr, /--keyring \.mine: .*dot/);
  });

  for (const [code, number] of [
    ["EPERM", 1],
    ["ENOSYS", 38],
  ] as const)
    test(`where a filter refuses keyctl(2) by ${code}, inside as well, the container starts all the same and says so`, () => {
      const profile = join(dir, `${code}.json`);
      const refused = { names: ["keyctl"], action: "SCMP_ACT_ERRNO", errnoRet: number };
      writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [refused] }));
      const { status, stderr } = held(`${bin}/confine`, "--seccomp", profile, "--", contain, "run", "--", ...LOOK);
      assert.equal(status, 0, stderr);
      assert.ok(stderr.includes(`keyctl(2) is refused here, and inside too (${code})`), stderr);
    });

  test("a user who has as many keys as allowed is told, and never gets a container with the caller's", () => {
    const fill = `for my $i (1..100000) { my ($t, $n, $s) = ("user", "k$i", "x" x 50); last if syscall(${ADD_KEY}, $t, $n, $s, 50, -3) < 0 } exec @ARGV`;
    const { status, stdout, stderr } = world.run([...as(61234), ...HOLDER, "perl", "-e", fill, contain, "run", "-q", "--", ...LOOK]);
    assert.equal(status, 125);
    assert.equal(stdout, "");
    assert.match(stderr, /keyctl\(KEYCTL_JOIN_SESSION_KEYRING, "_ses\.\w+"\): EDQUOT .*\n.*kernel\.keys\.maxkeys.*--keep-keyring/);
  });
});
