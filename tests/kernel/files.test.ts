// The kernel package's own calls for files and paths, next to node's; and that no start loads node's.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as nodePath from "node:path";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as kernel from "@contain-tools/kernel";
import { scratch } from "../helpers/rootfs.ts";
import { root } from "../helpers/run.ts";

const dir = scratch("files");

describe("files and paths", () => {
  test("the bundles for the tools and for `contain run` load no module of the runtime for files or paths", () => {
    for (const name of ["tools", "run"]) {
      const text = fs.readFileSync(join(root, `dist/lib/${name}.js`), "utf8");
      const modules = [...text.matchAll(/require\("([^"]+)"\)/g)].map(([, module]) => module);
      assert.deepEqual([...new Set(modules)], ["node:util"], `${name}: node:util is for --help`);
    }
  });

  test("paths", () => {
    const { basename, dirname, join, relative, resolve } = kernel;
    const ours = { basename, dirname, join, relative, resolve };
    const theirs: typeof ours = nodePath;
    const parts = ["", "/", ".", "..", "a", "b.c", "a/", "/a", "../x", "./y", "/..", "a/..", "a/../..", "b/c/"];
    for (const a of parts)
      for (const b of parts) {
        const whole = `${a}/${b}`.replace(/\/+/g, "/");
        for (const of of ["basename", "dirname"] as const) assert.equal(ours[of](whole), theirs[of](whole), `${of} ${whole}`);
        for (const of of ["join", "resolve", "relative"] as const) assert.equal(ours[of](a, b), theirs[of](a, b), `${of} ${a} ${b}`);
      }
  });

  test("a file is written, read, and known", () => {
    const path = join(dir, "file");
    const text = `${"é\0".repeat(100_000)}end`;
    kernel.writeFile(path, text, 0o640);
    assert.ok(kernel.readText(path) === text);
    assert.ok(kernel.readBytes(path).equals(fs.readFileSync(path)));
    for (const place of [path, dir, "/dev/null", "/proc/self/exe", "/"]) {
      const [ours, theirs] = [kernel.stat(place), fs.statSync(place)];
      for (const key of ["dev", "ino", "mode", "uid", "gid", "rdev", "size"] as const) assert.equal(ours[key], theirs[key], key);
      for (const is of ["isFile", "isDirectory", "isCharacterDevice", "isSymbolicLink"] as const) assert.equal(ours[is](), theirs[is]());
    }
    assert.equal(kernel.lstatIfThere("/proc/self/exe")?.isSymbolicLink(), true);
    assert.equal(kernel.statIfThere(join(path, "below")), undefined);
    assert.throws(() => kernel.stat(join(dir, "none")), { code: "ENOENT", message: /^stat\(".*none"\): ENOENT/ });
    const { type, bsize, blocks } = fs.statfsSync("/");
    assert.deepEqual([kernel.statfs("/").type, kernel.statfs("/").bsize, kernel.statfs("/").blocks], [type, bsize, blocks]);
  });

  test("a large directory is listed, and what is in it goes", () => {
    const place = join(dir, "a/b");
    kernel.makeDirectories(place, 0o700);
    for (let i = 0; i < 2000; i++) kernel.writeFile(`${place}/${"n".repeat(60)}${i}`, "");
    kernel.mkdir(`${place}/sub`);
    kernel.symlink("sub", `${place}/link`);
    assert.equal(kernel.readlink(`${place}/link`), "sub");
    assert.deepEqual(kernel.readdir(place).toSorted(), fs.readdirSync(place).toSorted());
    assert.deepEqual(kernel.subdirectories(place), ["sub"]);
    kernel.rename(`${place}/sub`, `${place}/moved`);
    kernel.rmdir(`${place}/moved`);
    for (const name of kernel.readdir(place)) kernel.unlink(`${place}/${name}`);
    kernel.rmdir(place);
    assert.throws(() => kernel.readdir(place), { code: "ENOENT" });
    assert.throws(() => kernel.open(place), { code: "ENOENT" });
  });
});
