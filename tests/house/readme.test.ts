// What the README shows is what happens, and no page has a dead link.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { root, run, sh } from "../helpers/run.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");
const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> }).scripts;

/** A heading's anchor, as GitHub makes it. */
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

describe("pages", () => {
  const pages = [
    "README.md",
    ...["docs", ".github", "packages/contain/docs"].flatMap((dir) =>
      readdirSync(join(root, dir))
        .filter((name) => name.endsWith(".md"))
        .map((name) => join(dir, name)),
    ),
    ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
  ].filter((page) => existsSync(join(root, page)));

  for (const page of pages) {
    test(`${page}: every link leads to a page and a heading that exist`, () => {
      for (const [, path = "", anchor] of readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
        const target = path === "" ? join(root, page) : join(root, dirname(page), path);
        assert.ok(existsSync(target), `${page}: ${path}`);
        if (anchor === undefined) continue;
        const headings = [...readFileSync(target, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) => slug(text));
        assert.ok(headings.includes(anchor), `${page}: ${path}#${anchor}: ${headings.join(", ")}`);
      }
    });
  }

  test("no page of contain is longer than 120 lines", () => {
    for (const page of pages.filter((name) => name.startsWith("packages/contain/"))) {
      const { length } = readFileSync(join(root, page), "utf8").split("\n");
      assert.ok(length <= 121, `${page}: ${length - 1} lines`);
    }
  });
});

describe("README", () => {
  test("every script that it names exists", () => {
    const named = [...readme.matchAll(/pnpm@12 (?:run )?([a-z:]+)/g)].map(([, name = ""]) => name);
    assert.ok(named.includes("demo") && named.includes("test"));
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      [],
    );
  });

  test("the two commands stand on the first screen", () => {
    const lines = readme.split("\n");
    assert.ok(lines.indexOf("npx --yes pnpm@12 run test") < 24);
  });
});

describe("README, run", need("root"), () => {
  const dir = scratch("readme");
  makeRootfs(dir);

  test("the first command shows a container from inside", () => {
    const { status, stdout, stderr } = run(["sh", join(root, "tests/demo")]);
    assert.equal(status, 0);
    assert.match(stdout, /My PID is 1, my host name is box, my control group is 0::\//);
    assert.match(stdout, /PID +USER +COMMAND|PID TTY/);
    assert.match(stderr, /\[contain\] container exited: exit status 0/);
  });

  test("the container typed by hand", () => {
    const { status, stdout } = sh("nsexec --pid --uts -- pivot ./rootfs -- pid1 /bin/sh", {
      cwd: dir,
      input: "echo hello; hostname; exit 9\n",
    });
    assert.match(stdout, /^hello\n/);
    assert.equal(status, 9);
  });

  test("contain run with limits: enforced, or refused with the reason where the controllers are on cgroup v1", () => {
    const { status, stdout, stderr } = sh("contain run --rootfs ./rootfs --memory 64M --cpu 50000 --pids 64 --hostname box -- /bin/sh", {
      cwd: dir,
      input: "echo $$; hostname\n",
    });
    const v1 = / - cgroup [^\n]*memory/.test(readFileSync("/proc/self/mountinfo", "utf8"));
    assert.equal(status, v1 ? 125 : 0, stderr);
    if (v1) assert.match(stderr, /the memory controller is not on cgroup v2: a cgroup v1 hierarchy holds it, mounted at \S+/);
    else assert.equal(stdout, "1\nbox\n");
  });

  test("the kernel package's example", () => {
    const { stdout, status, stderr } = program(
      /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "packages/kernel/README.md"), "utf8"))?.[1] ?? "",
    );
    assert.equal(stdout, "1\nbox\n", stderr);
    assert.equal(status, 0);
  });

  const library = join(root, "packages/kernel/src/library");
  for (const name of readdirSync(library)) {
    test(`the example of @contain-tools/kernel/${name.replace(".ts", "")} prints what it says`, () => {
      const [, comment = ""] = /```ts\n([\s\S]*?) \* ```/.exec(readFileSync(join(library, name), "utf8")) ?? [];
      const example = comment.replaceAll(/^ \* ?/gm, "");
      const said = [...example.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, text]) => `${text}\n`);
      const { status, stdout, stderr } = program(example);
      assert.ok(said.length > 0);
      assert.deepEqual([status, stdout], [0, said.join("")], stderr);
    });
  }

  /** Runs a program that imports our packages, with the flags that a fork needs. */
  function program(text: string) {
    const flags = ["--v8-pool-size=0", "--single-threaded", "--expose-gc", "--import", "tsx", "--input-type=module"];
    return run(["node", ...flags, "-e", text], { cwd: join(root, "packages/contain") });
  }
});
