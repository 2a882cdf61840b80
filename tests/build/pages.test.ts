// Manual pages and completions: written from the tables that drive the parser, and read by the programs they are for.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { allPages } from "../../packages/build/src/pages/pages.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, root, run } from "../helpers/run.ts";

const share = join(root, "dist/share");
const { tools, contain, commands } = allPages();
const man = (name: string) => join(share, "man/man1", `${name.replace(" ", "-")}.1`);

describe("manual pages", () => {
  test("one for each program and each command, and no others", () => {
    const wanted = [...tools, contain, ...commands].map(({ name }) => `${name.replace(" ", "-")}.1`);
    assert.deepEqual(readdirSync(join(share, "man/man1")).toSorted(), wanted.toSorted());
  });

  for (const page of [...tools, contain, ...commands])
    test(`${page.name}: every option, and no warning of man`, need("man"), () => {
      const { status, stdout, stderr } = run(["man", "--warnings", "-E", "UTF-8", "-Tutf8", "-l", man(page.name)], {
        env: { MANWIDTH: "78", MAN_KEEP_FORMATTING: "", GROFF_NO_SGR: "1" },
      });
      assert.equal(status, 0);
      assert.equal(stderr, "");
      const text = stdout.replace(new RegExp(`.${"\u0008"}`, "g"), ""); // bold and underlined are struck over
      for (const name of Object.keys(page.options)) assert.match(text, new RegExp(`--${name}\\b`), name);
      assert.match(text, /EXIT STATUS/);
    });
});

describe("completion in bash", need("bash"), () => {
  const complete = (words: string, env: Record<string, string> = {}) => {
    const script = `compopt() { :; }; . ${share}/bash-completion/completions/contain; COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _contain; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = run(["bash", "-c", script], { env: { PATH: `${bin}:${process.env["PATH"]}`, ...env } });
    assert.equal(stderr, "");
    return stdout.trim().split("\n");
  };

  test("commands, options, values", () => {
    assert.deepEqual(complete("contain st"), ["start", "stats", "stop"]);
    assert.deepEqual(complete("contain run --memory-s"), ["--memory-swap"]);
    assert.deepEqual(complete("contain run --net h"), ["host"]);
    assert.deepEqual(complete("nsexec --pid-"), ["--pid-file"]);
    assert.deepEqual(complete("contain ps --lat"), ["--latest"]);
    for (const words of ["contain run realpa", "contain run --rw -- realpa", "cgset --memory 8M -- realpa"])
      assert.deepEqual([...new Set(complete(words))], ["realpath"], words);
    assert.deepEqual(complete("contain run -- ls --memory-s"), [""], "an option of the program");
    assert.deepEqual(
      complete("contain run --rootfs /usr/li").toSorted(),
      readdirSync("/usr")
        .filter((name) => name.startsWith("li"))
        .map((name) => `/usr/${name}`)
        .toSorted(),
    );
  });

  test("the names of containers", () => {
    const dir = scratch("pages");
    const env = { CONTAIN_ROOT: join(dir, "states") };
    run(["contain", "run", "-q", "-d", "--name", "webfront", "--rootfs", makeRootfs(dir), "--", "sleep", "600"], { env });
    try {
      assert.deepEqual(complete("contain stop we", env), ["webfront"]);
      assert.deepEqual(complete("contain exec we", env), ["webfront"]);
      assert.deepEqual(complete("contain explain we", env), ["webfront"]);
    } finally {
      run(["contain", "rm", "-f", "webfront"], { env });
    }
  });

  test("bash, zsh and fish files name every option of run", () => {
    for (const file of ["bash-completion/completions/contain", "zsh/site-functions/_contain", "fish/vendor_completions.d/contain.fish"]) {
      const text = readFileSync(join(share, file), "utf8");
      const run = commands.find(({ name }) => name === "contain run");
      for (const name of Object.keys(run?.options ?? {})) assert.match(text, new RegExp(`(--|-l )${name}\\b`), `${file}: ${name}`);
    }
  });
});
