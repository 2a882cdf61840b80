// Tars and images that want out of the directory, or are broken: nothing outside is touched, and nothing of them is left.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";
import { layoutOf, type TarEntry, tarOf } from "../helpers/tar.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("hostile");
const outside = join(dir, "outside");
mkdirSync(outside);
writeFileSync(join(outside, "secret"), "secret");

describe("a hostile tar", need("root"), () => {
  const up = "../".repeat(20);
  for (const [what, entries, message] of [
    ["..", [{ name: `../outside/new`, data: "x" }], /a name with \.\. in it/],
    [".. in the middle", [{ name: "a/../../outside/new", data: "x" }], /a name with \.\. in it/],
    ["a hard link out by ..", [{ name: "h", type: "1", link: `${up}${outside}/secret` }], /a name with \.\. in it/],
    [
      "a hard link to an absolute name",
      [{ name: "h", type: "1", link: `${outside}/secret` }],
      /a hard link to .*secret, which is not there/,
    ],
    [
      "a hard link through a symbolic link",
      [
        { name: "s", type: "2", link: outside },
        { name: "h", type: "1", link: "s/secret" },
      ],
      /a hard link to s\/secret, which is not there/,
    ],
    ["a name with a NUL in it", [{ name: "x", data: "", pax: { path: "a\0b" } }], /EINVAL/],
    [
      "a file as a directory",
      [
        { name: "f", data: "x" },
        { name: "f/x", data: "x" },
      ],
      /ENOTDIR/,
    ],
    ["a sparse file", [{ name: "s", type: "S", data: "x" }], /of a kind that is not read here/],
    ["a negative size", [{ name: "x", data: "x", pax: { size: "-5" } }], /not a tar, or damaged/],
  ] as const satisfies readonly (readonly [string, readonly TarEntry[], RegExp])[])
    test(`refused: ${what}`, () => {
      const to = join(dir, `to-${what.replace(/\W/g, "-")}`);
      writeFileSync(join(dir, "tar"), tarOf({ name: "before", data: "x" }, ...entries));
      const { status, stderr } = run(["contain", "rootfs", to, "--from", join(dir, "tar")]);
      assert.match(stderr, message);
      assert.equal(status, 125);
      assert.ok(!existsSync(to));
      assert.deepEqual(readdirSync(outside), ["secret"]);
      assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
    });

  test("absolute names, and links that lead out, stay inside", () => {
    const to = join(dir, "inside");
    const tar = tarOf(
      { name: `${outside}/secret`, data: "inside" },
      { name: "way", type: "2", link: outside },
      { name: "way/new", data: "x" },
      { name: "up", type: "2", link: `${up}${outside}` },
      { name: "up/newer", data: "x" },
      { name: "way2", type: "2", link: `${outside}/secret` },
      { name: "way2", data: "in place of the link" },
    );
    writeFileSync(join(dir, "tar"), tar);
    const { status, stderr } = run(["contain", "rootfs", to, "--from", join(dir, "tar")]);
    assert.equal(status, 0, stderr);
    assert.deepEqual(readdirSync(join(to, outside)).toSorted(), ["new", "newer", "secret"]);
    assert.equal(readFileSync(join(to, "way2"), "utf8"), "in place of the link");
    assert.deepEqual(readdirSync(outside), ["secret"]);
    assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
  });

  test("a whiteout removes nothing through a link", () => {
    const to = join(dir, "whiteout");
    const layout = layoutOf(join(dir, "layout"), {
      layers: [
        tarOf({ name: "way", type: "2", link: outside }, { name: "d/way", type: "2", link: outside }),
        tarOf({ name: "way/.wh.secret" }, { name: "way/.wh..wh..opq" }, { name: ".wh.d" }),
      ],
    });
    assert.equal(run(["contain", "rootfs", to, "--from", layout]).status, 0);
    assert.deepEqual(readdirSync(to), ["way"]);
    assert.deepEqual(readdirSync(outside), ["secret"]);
  });

  test("attributes that an overlay above would obey are left out", () => {
    const to = join(dir, "attributes");
    const pax = {
      "SCHILY.xattr.trusted.overlay.redirect": "/outside",
      "SCHILY.xattr.user.overlay.opaque": "y",
      "SCHILY.xattr.user.kept": "yes",
    };
    writeFileSync(join(dir, "tar"), tarOf({ name: "d/", type: "5", pax }));
    assert.equal(run(["contain", "rootfs", to, "--from", join(dir, "tar")]).status, 0);
    const { stdout } = run(["tar", "--xattrs", "--xattrs-include=*", "--format=posix", "-C", to, "-c", "d"]);
    assert.match(stdout, /xattr\.user\.kept=yes/);
    assert.doesNotMatch(stdout, /overlay/);
  });
});

describe("a broken image", need("root"), () => {
  const layer = tarOf({ name: "f", data: "x".repeat(5000) });
  for (const [what, layers, spoil, message] of [
    ["a layer of other bytes", [layer], () => tarOf({ name: "g", data: "" }), /layer 1 is damaged: its sum is sha256:/],
    ["a tar that is cut off", [layer], () => layer.subarray(0, 2000), /layer 1: not a tar, or damaged/],
    ["gzip that is cut off", [gzipSync(layer)], () => gzipSync(layer).subarray(0, 40), /layer 1: damaged or cut off/],
    ["a layer with xz", [layer], () => Buffer.from("fd377a585a0000000000", "hex"), /compressed with xz/],
  ] as const)
    test(what, () => {
      const layout = layoutOf(join(dir, what.replaceAll(" ", "-")), { layers });
      const manifest = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests[0].digest.slice(7);
      const digest = JSON.parse(readFileSync(join(layout, "blobs/sha256", manifest), "utf8")).layers[0].digest.slice(7);
      writeFileSync(join(layout, "blobs/sha256", digest), spoil());
      const to = join(dir, "broken");
      mkdirSync(to, { recursive: true });
      const { status, stderr } = run(["contain", "rootfs", to, "--from", layout]);
      assert.match(stderr, message);
      assert.equal(status, 125);
      assert.deepEqual(readdirSync(to), []); // it was there, and stays
    });

  for (const [what, index, message] of [
    ["no JSON", "{", /index.json is not JSON/],
    ["a digest that is a way out", '{"manifests":[{"digest":"sha256:../../../../etc/passwd"}]}', /not a digest/],
    ["a number", "7", /there is no image in it/],
    ["manifests that are missing", `{"manifests":[{"digest":"sha256:${"0".repeat(64)}"}]}`, /there is no image in it/],
  ] as const)
    test(`an index with ${what}`, () => {
      const layout = join(dir, `index-${what.replaceAll(" ", "-")}`);
      mkdirSync(layout);
      writeFileSync(join(layout, "index.json"), index);
      const { status, stderr } = run(["contain", "rootfs", join(dir, "never"), "--from", layout]);
      assert.match(stderr, message);
      assert.equal(status, 125);
      assert.ok(!existsSync(join(dir, "never")));
    });

  test("SIGTERM half-way leaves nothing behind", async () => {
    const to = join(dir, "stopped");
    const child = spawn(join(bin, "contain"), ["rootfs", to, "--from", "-"], { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.write(layer);
    await eventually(() => existsSync(join(to, "f")));
    child.kill("SIGTERM");
    const status = await new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
    assert.equal(status, 143);
    assert.ok(!existsSync(to));
  });

  test("nobody writes to standard input, which is closed", () => {
    const { status, stderr } = run(["sh", "-c", `${join(bin, "contain")} rootfs ${join(dir, "closed")} --from - <&-`]);
    assert.equal(status, 125);
    assert.match(stderr, /^contain: standard input: an empty tar, or none\n/);
    assert.ok(!existsSync(join(dir, "closed")));
  });
});
