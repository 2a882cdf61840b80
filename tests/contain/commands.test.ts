// Commands as fingers know them: several containers at once, options before and behind, templates and filters, and the small commands.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";

const dir = scratch("commands");
const rootfs = makeRootfs(dir);
const env = { CONTAIN_ROOT: join(dir, "states") }; // no other test's containers are listed here
const contain = (...words: string[]) => run(["contain", ...words], { env });
const out = (...words: string[]) => {
  const { status, stdout, stderr } = contain(...words);
  assert.equal(status, 0, stderr);
  return stdout;
};
const start = (name: string, ...options: string[]) =>
  out("run", "-q", "-d", "--name", name, "--rootfs", rootfs, ...options, "--", "sleep", "600").trim();
const statusOf = (name: string) => out("ps", "--filter", `name=${name}`, "--format", "{{.State}}").trim();

after(() => {
  const left = contain("ps", "-aq").stdout.split("\n").filter(Boolean);
  if (left.length > 0) contain("rm", "-f", ...left); // of a test that failed
});

describe("several containers at once", () => {
  test("pause, unpause, kill, wait, stop, rm", () => {
    for (const name of ["one", "two", "three"]) start(name);
    out("kill", "-s", "CONT", "one", "two");
    out("kill", "-CONT", "one", "two");
    out("kill", "one", "two", "KILL");
    assert.equal(contain("wait", "one", "two").stdout, "137\n137\n");
    out("stop", "-t", "0", "three");
    assert.equal(out("ps", "-aq", "--filter", "status=running"), "");
    out("rm", "one", "two", "three");
    assert.equal(out("ps", "-aq"), "");
  });

  test("a wrong one is told before anything is done to the others", () => {
    start("left");
    for (const words of [
      ["kill", "left", "nosuch", "-s", "KILL"],
      ["stop", "left", "nosuch"],
      ["rm", "left"],
      ["kill", "left", "NOSIG"],
    ]) {
      const { status, stderr } = contain(...words);
      assert.equal(status, 125);
      assert.match(stderr, /no such container: nosuch|left is running|NOSIG/);
      assert.equal(statusOf("left"), "running");
    }
    out("rm", "-f", "left", "nosuch");
    assert.equal(out("ps", "-q"), "");
    out("rm", "--force", "nosuch");
  });

  test("one named twice is one", () => {
    start("twice");
    out("stop", "twice", "twice", "--time", "0");
    out("rm", "twice");
  });
});

describe("what is listed, and how", () => {
  let id = "";
  before(() => {
    id = start("web", "--label", "tier=front", "-l", "blue");
    start("db", "--label", "tier=back", "--label", "color=\x1b[31m");
  });
  after(() => void out("rm", "-f", "web", "db"));

  const LISTS: readonly (readonly [string[], RegExp])[] = [
    [["ps", "-a", "--filter", "name=we", "-q"], /^[0-9a-f]{12}\n$/],
    [["ps", "--no-trunc", "--filter", "label=tier=back", "--format", "{{.Names}}"], /^db\n$/],
    [["ps", "-f", "label=blue", "--format", "{{.Names}}\\t{{.Labels}}"], /^web\ttier=front,blue=\n$/],
    [["ps", "-f", "name=db", "--format", "{{.Labels}} {{json .Labels}}"], /^tier=back,color=\\x1b\[31m "tier=back,color=\\u001b\[31m"\n$/],
    [["ps", "-f", "name=web", "-f", "name=db", "--format", "{{.Names}}"], /^web\ndb\n$/],
    [["ps", "-f", "name=web", "-f", "status=exited", "-q"], /^$/],
    [["list", "--format", "table {{.Names}}\\t{{.Command}}", "-f", "name=web"], /^NAMES +COMMAND\nweb +sleep 600\n$/],
    [["ls", "--format", "json", "-f", "name=db"], /^\{"id":"[0-9a-f]{12}","name":"db"/],
    [["ps", "--format", "{{json .Names}}", "-f", "name=db"], /^"db"\n$/],
    [["inspect", "web", "--format", "{{.State.Status}} {{.Name}} {{.State.Running}} {{.status}}"], /^running \/web true running\n$/],
    [["inspect", "--format", "{{.Path}} {{json .Args}}", "web", "db"], /^sleep \["600"\]\nsleep \["600"\]\n$/],
    [["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "web"], /^web (1|--)\n$/],
    [["stats", "web", "--json"], /^\{"id":"[0-9a-f]{12}","name":"web","status":"running"/],
    [["top", "web"], /^PID +INSIDE +PPID +UID +STATE +THREADS +CPU TIME +COMMAND\n\d+ +1 +\d+ +0 +S +1 .*sleep 600\n$/],
    [["port", "web"], /^$/],
  ];
  for (const [words, wanted] of LISTS) test(words.join(" "), () => assert.match(out(...words), wanted));

  test("rename: by the new name, not by the old", () => {
    out("rename", "web", "site");
    assert.match(out("inspect", "site", "--format", "{{.Id}}"), new RegExp(id));
    assert.equal(contain("inspect", "web").status, 125);
    assert.match(contain("rename", "site", "db").stderr, /name already in use: db/);
    assert.match(contain("rename", "site", "a b").stderr, /letters, digits/);
    out("kill", "-HUP", "site");
    out("rename", "site", "web");
  });

  const REFUSED: readonly (readonly [string[], RegExp])[] = [
    [["ps", "--filter", "colour=red"], /keys: id, name, status, health, exited, label/],
    [["ps", "--format", "{{.Nmes}}"], /there is no field .Nmes\n.*Names/],
    [["ps", "--format", "{{range .}}"], /is not a field/],
    [["inspect", "web", "--format", "{{.State.Nope}}"], /there is no field .State.Nope\n.*Status/],
    [["stats", "--watch", "--json"], /--watch draws a table/],
    [["rename", "web"], /missing name/],
    [["images"], /no images here/],
    [["stpo"], /did you mean stop\?/],
    [["inspec", "x"], /did you mean inspect\?/],
  ];
  for (const [words, wanted] of REFUSED)
    test(`${words.join(" ")}: 125`, () => {
      const { status, stderr } = contain(...words);
      assert.equal(status, 125);
      assert.match(stderr, wanted);
    });

  test("help, help COMMAND, version", () => {
    assert.equal(out("help"), out("--help"));
    assert.equal(out("help", "stop"), out("stop", "--help"));
    assert.equal(out("version"), out("--version"));
  });
});

test("a detached container with --rm is forgotten at its end", () => {
  const id = start("gone", "--rm");
  out("stop", "gone", "-t", "0");
  assert.equal(contain("inspect", id).status, 125);
  assert.equal(out("ps", "-aq"), "");
});
