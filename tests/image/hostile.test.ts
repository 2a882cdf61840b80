// Tars and images that want out of the directory, or are broken: nothing outside is touched, and nothing of them is left.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { layoutOf, sum, type TarEntry, tarOf } from "../helpers/tar.ts";
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
    [
      "an owner that is no number, which would become root",
      [{ name: "x", data: "", pax: { uid: "abc" } }],
      /x has the uid "abc", which is not a number/,
    ],
    ["a group that stands for none", [{ name: "x", data: "", pax: { gid: "4294967295" } }], /x has the gid "4294967295"/],
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

function fifo(path: string): void {
  rmSync(path);
  run(["mkfifo", path]);
}

/** An index that names sixty times one that names sixty times … */
function multiply(layout: string, digest: string): void {
  let last = digest;
  for (let i = 0; i < 6; i++) {
    const text = JSON.stringify({ manifests: Array.from({ length: 60 }, () => ({ digest: `sha256:${last}` })) });
    last = sum(text);
    writeFileSync(join(layout, "blobs/sha256", last), text);
    writeFileSync(join(layout, "index.json"), text);
  }
}

describe("a broken image", need("root"), () => {
  const layer = tarOf({ name: "f", data: "x".repeat(5000) });
  for (const [what, layers, spoil, message] of [
    ["a layer of other bytes", [layer], () => tarOf({ name: "g", data: "" }), /layer 1 is damaged: its sum is sha256:/],
    ["a tar that is cut off", [layer], () => layer.subarray(0, 2000), /layer 1 is damaged: its sum is sha256:/],
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
    [
      "an algorithm that is not known",
      '{"manifests":[{"digest":"blake3:00"}]}',
      /blake3:00 cannot be checked: there is no algorithm blake3 here/,
    ],
    ["a sha512 as short as a sha256", `{"manifests":[{"digest":"sha512:${"0".repeat(64)}"}]}`, /not a digest: sha512:0/],
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

  const good = layoutOf(join(dir, "good"), { layers: [layer] });
  const place = (name: string) => join("blobs/sha256", name);
  const manifest = JSON.parse(readFileSync(join(good, "index.json"), "utf8")).manifests[0].digest.slice(7) as string;
  const config = JSON.parse(readFileSync(join(good, place(manifest)), "utf8")).config.digest.slice(7) as string;
  for (const [what, spoil, message] of [
    [
      "a configuration of another sum",
      (at: string) => writeFileSync(join(at, place(config)), '{"rootfs":{}}'),
      /is damaged: its sum is sha256:/,
    ],
    ["a manifest of another sum", (at: string) => writeFileSync(join(at, place(manifest)), "{}"), /is damaged: its sum is sha256:/],
    ["a FIFO that nobody writes to", (at: string) => fifo(join(at, "index.json")), /index\.json is not a regular file/],
    ["a FIFO as a layer", (at: string) => fifo(join(at, place(sum(layer)))), /is not a regular file/],
    ["indexes that multiply", (at: string) => multiply(at, manifest), /more than 5000 images/],
  ] as const)
    test(what, () => {
      const layout = join(dir, what.replaceAll(" ", "-"));
      cpSync(good, layout, { recursive: true });
      spoil(layout);
      const { status, stderr } = run(["contain", "rootfs", join(dir, "never"), "--from", layout]);
      assert.match(stderr, message);
      assert.equal(status, 125);
      assert.ok(!existsSync(join(dir, "never")));
    });

  test("a layer whose sum only its name says", () => {
    const layout = join(dir, "no-sum");
    cpSync(good, layout, { recursive: true });
    const blob = (text: string) => {
      writeFileSync(join(layout, place(sum(text))), text);
      return { digest: `sha256:${sum(text)}` };
    };
    const described = JSON.stringify({ config: blob("{}"), layers: [{ digest: `sha256:${sum(layer)}` }] });
    writeFileSync(join(layout, "index.json"), JSON.stringify({ manifests: [blob(described)] }));
    writeFileSync(join(layout, place(sum(layer))), tarOf({ name: "g", data: "" }));
    const { status, stderr } = run(["contain", "rootfs", join(dir, "never"), "--from", layout]);
    assert.match(stderr, /layer 1 is damaged: its sum is sha256:/);
    assert.equal(status, 125);
  });

  for (const [form, blobs] of [
    ["an OCI layout", "blobs/sha512/"],
    ["skopeo's dir:", ""],
    ["skopeo's dir: with the algorithm in its names", "sha512-"],
  ] as const)
    test(`sha512 in ${form}: checked as such`, () => {
      const from = join(dir, `sha512-${form.replaceAll(/\W/g, "")}`);
      mkdirSync(join(from, dirname(`${blobs}x`)), { recursive: true });
      const nameOf = (bytes: string | Buffer) => createHash("sha512").update(bytes).digest("hex");
      const blob = (bytes: string | Buffer) => {
        writeFileSync(join(from, `${blobs}${nameOf(bytes)}`), bytes);
        return { digest: `sha512:${nameOf(bytes)}` };
      };
      const described = JSON.stringify({ config: blob("{}"), layers: [blob(layer)] });
      if (blobs === "blobs/sha512/") writeFileSync(join(from, "index.json"), JSON.stringify({ manifests: [blob(described)] }));
      else writeFileSync(join(from, "manifest.json"), described);
      const [whole, piped] = [`${from}-whole`, `${from}-piped`];
      assert.equal(run(["contain", "rootfs", whole, "--from", from]).status, 0);
      assert.equal(sh(`tar -C ${from} -c . | contain rootfs ${piped} --from -`).status, 0);
      assert.deepEqual([readdirSync(whole), readdirSync(piped)], [["f"], ["f"]]);
      writeFileSync(join(from, `${blobs}${nameOf(layer)}`), tarOf({ name: "g", data: "" }));
      const { status, stderr } = run(["contain", "rootfs", join(dir, "never"), "--from", from]);
      assert.match(stderr, /layer 1 is damaged: its sum is sha512:/);
      assert.equal(status, 125);
    });

  test("words that would write on the terminal are quoted in the command line, and read back as they were", need("bash"), () => {
    const cmd = ["/bin/echo", "\x1b]0;title\x07 it's \\", "two\nlines"];
    const layout = layoutOf(join(dir, "escapes"), { layers: [layer], config: { Cmd: cmd } });
    const { stdout } = run(["contain", "rootfs", join(dir, "escaped"), "--from", layout]);
    assert.match(stdout, /^[\n -~]*$/);
    const words = run(["bash", "-c", `contain() { printf '%s|' "$@"; }\n${stdout}`]).stdout.split("|");
    assert.deepEqual(words.slice(words.indexOf("--") + 1, -1), cmd);
  });

  for (const there of [true, false])
    test(`what is removed again may be deep, and have names that are no UTF-8, in a directory that ${there ? "was there" : "was not"}`, () => {
      const long = Array.from({ length: 12 }, () => "d".repeat(80)).join("/");
      const entries: TarEntry[] = [
        { name: "x", type: "5", pax: { path: long } },
        { name: Buffer.from("bad-\xff", "latin1"), data: "x" },
      ];
      for (let i = 0; i < 6; i++)
        entries.push(
          { name: `l${i}`, type: "2", pax: { linkpath: `${i === 0 ? "" : `l${i - 1}/`}${long}` } },
          { name: "x", type: "5", pax: { path: `l${i}/${long}` } },
        );
      writeFileSync(join(dir, "tar"), tarOf(...entries, { name: "../x" }));
      const to = join(dir, "undone");
      if (there) mkdirSync(to);
      const { status, stderr } = run(["contain", "rootfs", to, "--from", join(dir, "tar")]);
      assert.match(stderr, /a name with \.\. in it/);
      assert.equal(status, 125);
      if (there) assert.deepEqual(readdirSync(to, "buffer"), []);
      else assert.ok(!existsSync(to));
      rmSync(to, { recursive: true, force: true });
    });

  test("a link that leads nowhere is refused, and stays", () => {
    symlinkSync("nowhere", join(dir, "dangling"));
    const { status, stderr } = run(["contain", "rootfs", join(dir, "dangling"), "--from", join(dir, "tar")]);
    assert.match(stderr, /dangling: a symbolic link that leads nowhere/);
    assert.equal(status, 125);
    assert.equal(readlinkSync(join(dir, "dangling")), "nowhere");
  });

  test("what is no tar is told at once, not when its pipe ends", async () => {
    const child = spawn(join(bin, "contain"), ["rootfs", join(dir, "never"), "--from", "-"], { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.write(Buffer.alloc(6000, "no tar "));
    assert.equal(await new Promise((resolve) => child.on("exit", resolve)), 125);
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

  test("a tar with xz: what decompresses it before", () => {
    const xz = join(dir, "tar.xz");
    writeFileSync(xz, Buffer.from("fd377a585a0000000000", "hex"));
    const { status, stderr } = run(["contain", "rootfs", join(dir, "xz"), "--from", xz]);
    assert.equal(status, 125);
    assert.match(stderr, /is compressed with xz, which is not read here\n +xz -dc FILE \| contain rootfs DIR --from -\n$/);
  });

  test("a file that cannot be read: its name and why", () => {
    const { status, stderr } = run(["contain", "rootfs", join(dir, "unread"), "--from", "/proc/self/mem"]);
    assert.deepEqual([status, stderr], [125, "contain: /proc/self/mem: cannot be read: EIO\n"]);
    assert.ok(!existsSync(join(dir, "unread")));
  });

  test("nobody writes to standard input, which is closed", () => {
    const { status, stderr } = run(["sh", "-c", `${join(bin, "contain")} rootfs ${join(dir, "closed")} --from - <&-`]);
    assert.equal(status, 125);
    assert.match(stderr, /^contain: standard input: not a tar, or an empty one\n/);
    assert.ok(!existsSync(join(dir, "closed")));
  });
});
