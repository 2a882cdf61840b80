// The labs that need no limits, played for real; what is said where one cannot be; and that nothing is left. Those with limits: vm/cases/lab.ts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LABS } from "../../packages/labs/src/labs.ts";
import { assertExpected, evidenceOf, type Told } from "../helpers/lab.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, root, run } from "../helpers/run.ts";
import { checkSchema } from "../helpers/schemas.ts";
import { openTerminal } from "../helpers/terminal.ts";
import { eventually } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

const NAMES = [
  ...["sigterm-ignored", "sh-c-wrapper", "zombies", "orphans", "pid1-exits", "oom-kill", "oom-child-only", "tmpfs-counts-as-memory"],
  ...["dd-that-does-not-oom", "cpu-throttling", "fork-bomb", "fd-limit", "read-only-root", "missing-loader", "deleted-cwd", "busy-umount"],
  ...["leaked-mount", "cgroup-rmdir-busy", "uid-map"],
];
const LIMITED = new Map([
  ...["oom-kill", "oom-child-only", "tmpfs-counts-as-memory", "dd-that-does-not-oom"].map((name) => [name, "memory"] as const),
  ["cpu-throttling", "cpu"] as const,
  ["fork-bomb", "pids"] as const,
]);
const SIGTERM_BIT = 0x4000n;

describe("labs: list, pages, words", () => {
  test("nineteen labs are listed, each with a title", () => {
    const lines = run(["contain", "lab", "--list"]).stdout.trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => line.split(" ")[0]).sort(), [...NAMES].sort());
    for (const line of lines) assert.match(line, /^[\w-]+ +[A-Z0-9`].{15,60}$/);
    assert.deepEqual(run(["contain", "lab"]).stdout.split("\n").slice(0, lines.length), lines);
    const rows = run(["contain", "lab", "--list", "--json"]).stdout.trimEnd().split("\n");
    for (const row of rows) checkSchema("labs", JSON.parse(row));
    assert.deepEqual(
      rows.map((row) => JSON.parse(row).name),
      LABS.map(({ name }) => name),
    );
  });

  const index = readFileSync(join(root, "packages/contain/docs/lab.md"), "utf8");
  for (const { name, title, answers, right } of LABS) {
    test(`${name}: a page with all its parts, a line in the index, a question that can be answered`, () => {
      assert.ok(index.includes(`| [${name}](lab-${name}.md) | ${title} |`));
      const page = readFileSync(join(root, `packages/contain/docs/lab-${name}.md`), "utf8");
      const parts = ["What happens", "Why", "By hand", "In production", "Fix"];
      assert.deepEqual(
        [...page.matchAll(/^## (.*)$/gm)].map(([, part]) => part),
        parts,
      );
      assert.ok(page.startsWith(`# ${name}\n\n    contain lab ${name}\n`));
      assert.match(page, /```sh\n[^`]*\b(nsexec|cgset)\b/);
      assert.match(page, /\(\d\)|cgroup-v2\.rst/, "a rule");
      for (const [, link = ""] of page.matchAll(/\]\(([^)]+)\)/g)) assert.ok(existsSync(join(root, "packages/contain/docs", link)), link);
      assert.ok(answers.length >= 2 && answers.length <= 4 && answers[right] !== undefined);
      assert.equal(new Set(answers).size, answers.length);
    });
  }

  test("no page is left of a lab that is none", () => {
    const pages = readdirSync(join(root, "packages/contain/docs")).filter((name) => name.startsWith("lab-"));
    assert.deepEqual(pages.sort(), NAMES.map((name) => `lab-${name}.md`).sort());
  });

  for (const [words, message] of [
    [["nosuch"], /no such lab: nosuch\n.*sigterm-ignored/],
    [["zombies", "orphans"], /unexpected argument: orphans/],
    [["--list", "zombies"], /--list takes no lab/],
  ] as const) {
    test(`contain lab ${words.join(" ")}: 125`, () => {
      const { status, stderr, stdout } = run(["contain", "lab", ...words]);
      assert.deepEqual([status, stdout], [125, ""]);
      assert.match(stderr, message);
    });
  }
});

/** What the evidence of each lab must say, beside its own checks. */
const NATIVE: Readonly<Record<string, (told: Told) => void>> = {
  "sigterm-ignored": (told) => {
    assert.match(evidenceOf(told, "status NSpid") ?? "", /\s1$/);
    assert.equal(BigInt(`0x${evidenceOf(told, "status SigCgt")}`) & SIGTERM_BIT, 0n);
  },
  "sh-c-wrapper": (told) => {
    const caught = [0, 1, 2].map((i) => BigInt(`0x${evidenceOf(told, "status SigCgt", i)}`) & SIGTERM_BIT);
    assert.deepEqual(caught, [0n, SIGTERM_BIT, SIGTERM_BIT]);
    assert.deepEqual(told.output, ["", "the server was told\n"]);
  },
  zombies: (told) => {
    for (const i of [0, 1]) assert.equal(evidenceOf(told, "status State", i), "Z (zombie)");
    assert.equal(evidenceOf(told, "status Name"), "sleep");
  },
  orphans: (told) => {
    assert.equal(evidenceOf(told, "status State"), "Z (zombie)");
    assert.equal(told.finding.evidence.at(-1)?.problem, "ENOENT");
  },
  "pid1-exits": (told) => {
    assert.match(evidenceOf(told, "status NSpid") ?? "", /\s\d+$/);
    assert.equal(told.finding.evidence.at(-1)?.problem, "ENOENT");
    assert.deepEqual(told.output, [""]);
  },
  "fd-limit": (told) => {
    assert.match(evidenceOf(told, "/limits") ?? "", /^Max open files +6 +6 +files$/);
    assert.equal(evidenceOf(told, "/fd"), "0 1 2 3 4 5");
  },
  "read-only-root": (told) => {
    assert.match(evidenceOf(told, "mountinfo /") ?? "", / ro,/);
    assert.match(evidenceOf(told, "mountinfo /var/tmp") ?? "", /^tmpfs rw,/);
    assert.equal(existsSync("/var/tmp/contain-lab.log"), false);
  },
  "missing-loader": (told) => {
    const loader = evidenceOf(told, "PT_INTERP") ?? "";
    assert.ok(existsSync(loader), "it is on the host");
    assert.equal(told.finding.evidence.find(({ source }) => source.endsWith(`rootfs${loader}`))?.problem, "ENOENT");
    assert.match(told.output[0] ?? "", /PT_INTERP/);
  },
  "deleted-cwd": (told) => assert.equal(evidenceOf(told, "/cwd"), "/tmp/current (deleted)"),
  "busy-umount": (told) => {
    assert.equal(evidenceOf(told, "/cwd"), "/tmp");
    assert.match(told.output[0] ?? "", /umount ended with [1-9]\d*\n[\s\S]*umount ended with 0\n$/);
  },
  "leaked-mount": (told) => {
    assert.notEqual(evidenceOf(told, "/ns/mnt"), evidenceOf(told, "/ns/mnt", 1));
    assert.deepEqual([evidenceOf(told, "/data"), evidenceOf(told, "/data", 1)], [undefined, "tmpfs lab"]);
    assert.equal(evidenceOf(told, "/data/file"), "precious");
  },
  "cgroup-rmdir-busy": (told) => {
    assert.equal(evidenceOf(told, "cgroup.events populated"), "1");
    assert.match(evidenceOf(told, "cgroup.procs") ?? "", /^\d+$/);
  },
  "uid-map": (told) => {
    assert.match(evidenceOf(told, "uid_map") ?? "", /^0 +100000 +65536$/);
    assert.match(evidenceOf(told, "status Uid") ?? "", /^100000\s/);
    assert.equal(evidenceOf(told, "/secret"), "uid 0, mode 600");
  },
};

describe("labs, played", need("root", "unshare", "nsenter", "mount", "tmux", "bash"), () => {
  const world = new World("lab");
  const dir = scratch("lab");
  let count = 0;
  /** A folder for the lab's own folder, which must be empty again. */
  const place = () => {
    const tmp = join(dir, `${count++}`);
    mkdirSync(tmp, { mode: 0o777 });
    run(["chmod", "777", tmp]);
    return tmp;
  };
  const assertClean = (tmp: string, what: string) => {
    assert.deepEqual(readdirSync(tmp), [], `${what}: its folder`);
    assert.deepEqual(world.list(), [], `${what}: containers`);
    const groups = readdirSync(join(world.top, `test-lab-${process.pid}`)).filter((name) => name.startsWith("contain-"));
    assert.deepEqual(groups, [], `${what}: groups`);
  };

  test("every lab is tested: here, or in the cgroup v2 machine", () => {
    assert.deepEqual([...Object.keys(NATIVE), ...LIMITED.keys()].sort(), [...NAMES].sort());
  });

  for (const [name, look] of Object.entries(NATIVE)) {
    test(`${name}: as promised, with its evidence, and nothing is left`, () => {
      const tmp = place();
      const { status, stdout, stderr } = world.run(["contain", "lab", name, "--json"], { env: { TMPDIR: tmp } });
      const told = JSON.parse(stdout) as Told;
      checkSchema("lab", told);
      assert.equal(told.lab, name);
      assertExpected(told);
      assert.deepEqual([status, stderr], [0, ""]);
      look(told);
      assertClean(tmp, name);
    });
  }

  for (const [name, controller] of LIMITED) {
    const v1 = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((line) => / - cgroup /.test(line) && (line.split(" ").at(-1) ?? "").split(",").includes(controller));
    test(`${name}: ${v1 === undefined ? "as promised" : "status 3, and which hierarchy holds the controller"}`, () => {
      const tmp = place();
      const { status, stdout } = run(["contain", "lab", name, "--json"], { env: { TMPDIR: tmp } });
      const told = JSON.parse(stdout) as Told;
      checkSchema("lab", told);
      if (v1 === undefined) {
        assertExpected(told);
      } else {
        assert.deepEqual([status, told.outcome, told.finding.certain], [3, "not here", false]);
        assert.match(
          told.problem ?? "",
          new RegExp(`the ${controller} controller is not on cgroup v2: .* mounted at ${v1.split(" ")[4]}$`),
        );
        assert.match(told.finding.text, /^cannot tell: the /);
        assert.deepEqual([told.checks, told.output, told.finding.evidence], [[], [], []]);
      }
      assert.deepEqual(readdirSync(tmp), []);
    });
  }

  test("an ordinary user: what needs root says so, with status 3; the others are as promised", () => {
    const tmp = place();
    const options = { ...NOBODY, env: { TMPDIR: tmp, XDG_RUNTIME_DIR: tmp } };
    for (const name of ["leaked-mount", "uid-map"]) {
      const { status, stdout } = run(["contain", "lab", name], options);
      assert.equal(status, 3);
      assert.match(stdout, /This host cannot run it: it needs root; this is uid 65534\n {2}run it with sudo\n$/);
    }
    const { status, stdout } = run(["contain", "lab", "busy-umount", "--json"], options);
    assert.equal(status, 0);
    assertExpected(JSON.parse(stdout));
    assert.deepEqual(
      readdirSync(tmp).filter((file) => file.startsWith("contain-lab")),
      [],
    );
  });

  test("where `contain run` refuses, its words are the reason, and the status is 3", () => {
    const tmp = place();
    const script = 'echo 0 >/proc/sys/user/max_pid_namespaces; exec "$0" lab deleted-cwd --json';
    const { status, stdout } = world.run(["unshare", "--user", "--map-root-user", "sh", "-c", script, join(root, "dist/bin/contain")], {
      env: { TMPDIR: tmp, XDG_RUNTIME_DIR: tmp },
    });
    const told = JSON.parse(stdout) as Told;
    assert.deepEqual([status, told.outcome, told.problem], [3, "not here", "the container could not be made"]);
    assert.match(told.hint ?? "", /ENOSPC[\s\S]*max_\*_namespaces/);
    assert.deepEqual(
      readdirSync(tmp).filter((file) => file.startsWith("contain-lab")),
      [],
    );
  });

  test("as text: the commands, the question, what happens, the checks, the evidence, why, and the fix", () => {
    const { stdout, status } = world.run(["contain", "lab", "--yes", "deleted-cwd"], { env: { TMPDIR: place() } });
    assert.equal(status, 0);
    const order = [
      "The commands:",
      "  $ contain run ",
      "  a) ",
      "What happens:",
      "touch ended with 1",
      "Checked:\n  yes ",
      "evidence",
      "Why:",
      "Fix:",
    ];
    const places = order.map((part) => stdout.indexOf(part));
    assert.ok(!places.includes(-1), stdout);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.match(stdout, /\/proc\/\d+\/cwd: \/tmp\/current \(deleted\)\n {6}proc_pid_cwd\(5\)/);
  });

  test("a reader that goes away ends the lab, and nothing is left", () => {
    const tmp = place();
    const { stderr } = world.sh("{ contain lab sigterm-ignored; echo $? >&2; } | head -n 1", { env: { TMPDIR: tmp } });
    assert.equal(stderr, "141\n");
    assertClean(tmp, "a closed pipe");
  });

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGKILL", null],
  ] as const) {
    test(`${signal} while it plays: the container ends, nothing is left`, async () => {
      const tmp = place();
      const [file = "", ...words] = world.enter([join(bin, "contain"), "lab", "orphans"]);
      const lab = spawn(file, words, { stdio: "ignore", env: { ...process.env, TMPDIR: tmp } });
      const ended = once(lab, "exit");
      await eventually(() => world.list().length === 1, "its container runs");
      lab.kill(signal);
      const [code, by] = await ended;
      assert.ok(code === status || by === signal, `${code} ${by}`);
      await eventually(() => world.list().length === 0, "its container has ended"); // after SIGKILL by SIGTERM, in its grace time of 10 s
      if (signal === "SIGKILL") rmSync(tmp, { recursive: true });
      else assertClean(tmp, signal);
    });
  }

  describe("on a terminal", () => {
    const ASKED = /Enter alone goes on\):/;
    const start = async (words: string) => {
      const tmp = place();
      const terminal = openTerminal(undefined, { columns: 200, rows: 500 });
      await terminal.prompts(1);
      terminal.type(`TMPDIR=${tmp} contain lab ${words}`);
      return { tmp, terminal };
    };

    for (const [what, key, told] of [
      ["the right answer", "b", /Right\. See why\./],
      ["a wrong one", "a", /Not quite. The answer is: b\) fails with ENOENT/],
      ["Enter alone", "", /It is b\) fails with ENOENT/],
    ] as const) {
      test(`it waits for a prediction: ${what}`, async () => {
        const { tmp, terminal } = await start("deleted-cwd");
        assert.doesNotMatch(await terminal.until(ASKED), /What happens/);
        assert.deepEqual(readdirSync(tmp), [], "nothing is made before");
        terminal.type(key);
        assert.match(await terminal.until(/Fix:/), told);
        terminal.type('echo "status $?"');
        await terminal.until(/^status 0$/m);
        assert.deepEqual(readdirSync(tmp), []);
      });
    }

    test("--yes prints the question and goes on", async () => {
      const { terminal } = await start("--yes deleted-cwd");
      assert.doesNotMatch(await terminal.until(/Fix:/), /Your prediction/);
    });

    test("Ctrl-C at the question ends it, with nothing made", async () => {
      const { tmp, terminal } = await start("deleted-cwd");
      await terminal.until(ASKED);
      terminal.press("C-c");
      await terminal.prompts(2);
      terminal.type('echo "status $?"');
      await terminal.until(/^status 130$/m);
      assert.deepEqual(readdirSync(tmp), []);
    });

    test("Ctrl-C while it plays: the container and all that was made goes, status 130", async () => {
      const { tmp, terminal } = await start("orphans");
      await terminal.until(ASKED);
      terminal.type("");
      await terminal.until(/What happens:\n +\$ contain run/);
      await eventually(() => readdirSync(tmp).length === 1, "it has begun");
      terminal.press("C-c");
      await terminal.prompts(2);
      terminal.type('echo "status $?"');
      await terminal.until(/^status 130$/m);
      assert.deepEqual(readdirSync(tmp), []);
    });
  });
});
