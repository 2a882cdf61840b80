// The git hook: `pnpm install` sets it in a clone and nowhere else, and it refuses what CI would.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { root, sh } from "../helpers/run.ts";

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { prepare: string } };

describe("the git hook", need("git"), () => {
  test("outside a clone nothing is set", () => {
    const cwd = scratch("hook-archive");
    const { status, stdout, stderr } = sh(scripts.prepare, { cwd });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  });

  test("in a clone it refuses a file that is not formatted, and one with a wrong type", () => {
    const cwd = scratch("hook-clone");
    assert.equal(sh(`git init -q . && ${scripts.prepare}`, { cwd }).status, 0);
    for (const name of ["biome.json", "package.json", "tsconfig.json"]) copyFileSync(join(root, name), join(cwd, name));
    for (const name of ["node_modules", ".githooks"]) symlinkSync(join(root, name), join(cwd, name));
    mkdirSync(join(cwd, "tests"));
    const commit = (text: string) => {
      writeFileSync(join(cwd, "tests/x.ts"), text);
      return sh("git add tests && git -c user.name=x -c user.email=x commit -qm x", { cwd });
    };
    assert.match(commit("export  const x = 1\n").stderr, /pre-commit: fix the errors above/);
    assert.match(commit('export const x: number = "a";\n').stderr, /TS2322/);
    const { status, stderr } = commit("export const x = 1;\n");
    assert.equal(status, 0, stderr);
  });
});
