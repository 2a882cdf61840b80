// contain rootfs --from: tars and images become what they were, and what they say of their program is printed.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { NOBODY, run, sh } from "../helpers/run.ts";
import { testOnce } from "../helpers/second.ts";
import { layoutOf, sum, tarOf } from "../helpers/tar.ts";

const dir = scratch("image");
let count = 0;
const fresh = () => join(dir, `to-${count++}`);
const kept = (bytes: Buffer) => {
  const file = join(dir, `from-${count++}.tar`);
  writeFileSync(file, bytes);
  return file;
};
/** Unpacks, and returns where. */
function unpacked(from: string, ...words: string[]): { to: string; stdout: string; stderr: string } {
  const to = fresh();
  const { status, stdout, stderr } = run(["contain", "rootfs", to, "--from", from, ...words]);
  assert.equal(status, 0, stderr);
  return { to, stdout, stderr };
}
const listing = (to: string, format: string) => sh(`cd ${to}; find . -mindepth 1 -printf '%P ${format}\\n' | sort`).stdout;

describe("a tar of a root", need("root"), () => {
  const tar = kept(
    tarOf(
      { name: "./", type: "5", mode: 0o750, uid: 3, gid: 4 },
      { name: "./a/", type: "5", mode: 0o2755, uid: 1000, gid: 1001, mtime: 1_600_000_000 },
      { name: "a/file", data: "hello", mode: 0o4755, uid: 12, gid: 34, mtime: 1_500_000_000 },
      { name: "a/hard", type: "1", link: "./a/file" },
      { name: "soft", type: "2", link: "/a/file", uid: 7, gid: 8, mtime: 1_400_000_000 },
      { name: "fifo", type: "6", mode: 0o600 },
      { name: "null", type: "3", mode: 0o666, major: 1, minor: 3 },
      { name: "no/entry/for/this", data: "x" },
      { name: "fine", data: "", pax: { mtime: "1234567890.25", uid: "3000000", path: "fine-\u00fc" } },
      { name: Buffer.from("latin-\xe9", "latin1"), data: "l" },
    ),
  );

  test("a directory that is named through a symbolic link, and removed by its other name", () => {
    const twice = tarOf(
      { name: "d/", type: "5" },
      { name: "l", type: "2", link: "d" },
      { name: "l/x/", type: "5" },
      { name: "l/y/", type: "5", mode: 0o711 },
      { name: "d/x", data: "file" },
    );
    const { to } = unpacked(kept(twice));
    assert.equal(listing(to, "%y %m"), "d d 755 \nd/x f 644 \nd/y d 711 \nl l 777 \n".replaceAll(" \n", "\n"));
  });

  test("owners, modes, times, links, nodes, names that are no UTF-8", () => {
    const { to, stdout, stderr } = unpacked(tar);
    assert.equal(stdout, "");
    assert.equal(stderr, `[contain] the root of a file system, from ${tar}\n`);
    assert.equal(sh(`stat -c '%a %u %g' ${to}`).stdout, "750 3 4\n");
    const lines = listing(to, "%y %m %U:%G %Ts %l").replace(/^(no\S*) d .*$/gm, "$1");
    assert.equal(
      lines,
      `a d 2755 1000:1001 1600000000 
a/file f 4755 12:34 1500000000 
a/hard f 4755 12:34 1500000000 
fifo p 600 0:0 1700000000 
fine-ü f 644 3000000:0 1234567890 
latin-\ufffd f 644 0:0 1700000000 
no
no/entry
no/entry/for
no/entry/for/this f 644 0:0 1700000000 
null c 666 0:0 1700000000 
soft l 777 7:8 1400000000 /a/file
`,
    );
    assert.equal(sh(`stat -c %h ${to}/a/hard; stat -c '%t %T' ${to}/null; stat -c %.2Y ${to}/fine*`).stdout, "2\n1 3\n1234567890.25\n");
  });

  test("a capability with bytes that are no UTF-8", need("getcap"), () => {
    const capability = Buffer.from("0100000280a08000000000000000000000000000", "hex").subarray(0, 20);
    const { to } = unpacked(kept(tarOf({ name: "ping", mode: 0o755, pax: { "SCHILY.xattr.security.capability": capability } })));
    assert.match(run(["getcap", join(to, "ping")]).stdout, /cap_setuid.*cap_net_raw.*cap_sys_nice.*=ep/);
  });

  for (const [kind, command] of [
    ["gzip", "gzip -c"],
    ["zstd", "zstd -qc"],
    [
      "zstd of several frames, one of them without data",
      "sh -c 'printf \"\\120\\052\\115\\030\\004\\000\\000\\000abcd\"; dd bs=1024 count=2 | zstd -qc; zstd -qc'",
    ],
  ] as const)
    test(`${kind}, from a file and from a pipe`, need(kind.slice(0, 4)), () => {
      const packed = join(dir, `packed-${count++}`);
      sh(`${command} <${tar} >${packed}`);
      assert.ok(existsSync(join(unpacked(packed).to, "a/hard")));
      const to = fresh();
      const { status, stderr } = sh(`cat ${packed} | contain rootfs ${to} --from -`);
      assert.equal(status, 0);
      assert.equal(stderr, "[contain] the root of a file system, from standard input\n");
      assert.equal(readFileSync(join(to, "a/hard"), "utf8"), "hello");
    });

  test("an ordinary user gets the files, without the owners' rights, and is told so", () => {
    const to = join(dir, "ordinary");
    run(["install", "-d", "-o", "65534", "-g", "65534", to]);
    const { status, stderr } = run(["contain", "rootfs", to, "--from", tar], NOBODY);
    assert.equal(status, 0);
    assert.match(stderr, /^contain: \d+ files of other users belong to you now/m);
    assert.match(stderr, /^contain: 1 device nodes were left out/m);
    assert.match(listing(to, "%m %U"), /^a\/file 755 65534$/m);
  });

  test("of GNU tar: long names, large numbers, a directory that may not be written to", need("tar"), () => {
    const tree = join(dir, "tree");
    const deep = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(120)}`;
    sh(`mkdir -p ${tree}/$(dirname ${deep}); echo deep >${tree}/${deep}; ln -s ${"t".repeat(150)} ${tree}/link; chmod 555 ${tree}/${"d".repeat(90)}
      for f in gnu posix; do tar --format=$f -C ${tree} -cf ${dir}/$f.tar .; done`);
    for (const format of ["gnu", "posix"]) {
      const { to } = unpacked(join(dir, `${format}.tar`));
      assert.equal(listing(to, "%y %m %l %s"), listing(tree, "%y %m %l %s"), format);
    }
  });

  test("a container runs in what was unpacked of its own root", () => {
    const rootfs = makeRootfs(dir);
    const to = fresh();
    assert.equal(sh(`tar -C ${rootfs} -c . | contain rootfs ${to} --from -`).status, 0);
    assert.equal(run(["contain", "run", "-q", "--rootfs", to, "--", "sh", "-c", "echo works"]).stdout, "works\n");
  });
});

describe("an image", need("root"), () => {
  const lower = tarOf(
    { name: "d/", type: "5", mode: 0o711 },
    { name: "d/gone", data: "1" },
    { name: "d/stays", data: "1" },
    { name: "o/", type: "5" },
    { name: "o/old", data: "1" },
    { name: "o/both", data: "1" },
    { name: "usr/lib/", type: "5" },
    { name: "lib", type: "2", link: "/usr/lib" },
    { name: "kind", data: "file" },
    { name: "tree/a/b", data: "1" },
  );
  const upper = gzipSync(
    tarOf(
      { name: "o/both", data: "2" },
      { name: "o/.wh..wh..opq" },
      { name: "d/.wh.gone" },
      { name: ".wh.tree" },
      { name: ".wh..wh.plnk/x", data: "aufs" },
      { name: "lib/so", data: "through the link" },
      { name: "kind/", type: "5" },
      { name: "kind/new", data: "2" },
      { name: "d/hard", type: "1", link: "d/stays" },
    ),
  );

  const files = "d d\nd/hard f\nd/stays f\nkind d\nkind/new f\nlib l\no d\no/both f\nusr d\nusr/lib d\nusr/lib/so f\n";

  test("layers in order, whiteouts, links of lower layers", () => {
    const { to } = unpacked(layoutOf(join(dir, "layers"), { layers: [lower, upper] }));
    assert.equal(listing(to, "%y"), files);
    assert.equal(readFileSync(join(to, "o/both"), "utf8"), "2");
    assert.equal(sh(`stat -c %a ${to}/d`).stdout, "711\n");
  });

  test("its program is told as a command line", () => {
    const config = {
      Entrypoint: ["/bin/entry point"],
      Cmd: ["-x", "it's"],
      Env: ["PATH=/opt/bin", "A=b c"],
      WorkingDir: "/work",
      User: "web",
      StopSignal: "SIGQUIT",
    };
    const { to, stdout, stderr } = unpacked(layoutOf(join(dir, "config"), { layers: [lower], config, name: "web:1" }));
    assert.equal(
      stdout,
      `contain run --rootfs ${to} --env PATH=/opt/bin --env 'A=b c' --workdir /work --user web --stop-signal SIGQUIT -- '/bin/entry point' -x 'it'\\''s'\n`,
    );
    assert.match(stderr, /^\[contain\] web:1, linux\/\w+, 1 layer\n$/);
  });

  const several = layoutOf(
    join(dir, "several"),
    { layers: [tarOf({ name: "one", data: "" })], name: "docker.io/library/one:latest" },
    { layers: [tarOf({ name: "two", data: "" })], name: "example.org:5000/two:v2" },
  );

  test("one of several by --image, with docker's short names", () => {
    for (const name of ["one", "one:latest", "docker.io/library/one:latest"])
      assert.deepEqual(readdirSync(unpacked(several, "--image", name).to), ["one"], name);
    assert.deepEqual(readdirSync(unpacked(several, "--image", "example.org:5000/two:v2").to), ["two"]);
  });

  const arm = { os: "linux", architecture: "arm64", variant: "v8" };
  const platforms = layoutOf(
    join(dir, "platforms"),
    { layers: [tarOf({ name: "arm", data: "" })], platform: arm, name: "x" },
    { layers: [tarOf({ name: "s390x", data: "" })], platform: { os: "linux", architecture: "s390x" }, name: "x" },
  );
  // one image of two platforms is an index in an index
  const inner = readFileSync(join(platforms, "index.json"), "utf8");
  writeFileSync(join(platforms, "blobs/sha256", sum(inner)), inner);
  writeFileSync(join(platforms, "index.json"), JSON.stringify({ manifests: [{ digest: `sha256:${sum(inner)}` }] }));

  test("a platform of an index", () => {
    assert.deepEqual(readdirSync(unpacked(platforms, "--platform", "linux/arm64").to), ["arm"]);
    assert.deepEqual(readdirSync(unpacked(platforms, "--platform", "linux/s390x").to), ["s390x"]);
  });

  test("from standard input, which cannot be read twice", () => {
    const to = fresh();
    const { status, stdout } = sh(`tar -C ${several} -c . | gzip | contain rootfs ${to} --from - --image one`);
    assert.equal(status, 0);
    assert.match(stdout, /^contain run /);
    assert.deepEqual(readdirSync(to), ["one"]);
  });

  for (const form of ["docker-archive:FILE:a/b:c", "oci-archive:FILE", "oci:FILE", "dir:FILE"])
    testOnce(`as skopeo writes it: ${form}`, need("skopeo"), () => {
      const file = join(dir, `skopeo-${count++}`);
      const source = layoutOf(`${file}-source`, { layers: [lower, upper], name: "x" });
      const { status, stderr } = run(["skopeo", "--insecure-policy", "copy", "-q", `oci:${source}:x`, form.replace("FILE", file)]);
      assert.equal(status, 0, stderr);
      assert.equal(listing(unpacked(file).to, "%y"), files);
    });

  for (const [what, from, words, message] of [
    [
      "several images",
      several,
      [],
      /2 images; --image NAME chooses one\n +it has docker.io\/library\/one:latest, example.org:5000\/two:v2\n/,
    ],
    ["an image that is not there", several, ["--image", "three"], /no image three\n +it has docker.io/],
    ["another platform", platforms, [], /the image is for linux\/arm64\/v8, linux\/s390x, not for linux\/\w+\n/],
    ["a platform that is not there", platforms, ["--platform", "linux/riscv64"], /not for linux\/riscv64\n/],
    ["a platform that is none", platforms, ["--platform", "arm"], /must be OS\/ARCH/],
    ["no file", join(dir, "none.tar"), [], /--from .*: no such file\n +nothing is downloaded here/],
    ["no tar", "/etc/passwd", [], /\/etc\/passwd: not a tar, or damaged/],
    ["a directory that is no layout", "/etc", [], /\/etc: neither an image nor the root of one/],
  ] as const)
    testOnce(`refused: ${what}`, () => {
      const to = fresh();
      const { status, stdout, stderr } = run(["contain", "rootfs", `${to}/on/the/way`, "--from", from, ...words]);
      assert.equal(status, 125);
      assert.match(stderr, message);
      assert.equal(stdout, "");
      assert.ok(!existsSync(to));
    });
});
