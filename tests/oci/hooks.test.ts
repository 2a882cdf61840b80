// contain-oci: hooks of all six kinds, each at its moment and in its namespaces, with the state on standard input. One that fails, or takes
// too long, is told by its kind, and what was made is undone.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { eventually } from "../helpers/wait.ts";
import { bundles } from "./bundle.ts";

const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;
type Kind = (typeof KINDS)[number];
const { oci, bundle, leftOf, dir } = bundles("oci-hooks");

/** Seen by the host and, as /told, by the container. */
const told = join(dir, "told");
mkdirSync(told);
const mounts = [{ destination: "/told", type: "bind", source: told, options: ["bind"] }];
const placeOf = (kind: Kind) => (kind === "startContainer" ? "/told" : told);

/** Notes its kind, its input, its environment and its namespaces. */
const note = (kind: Kind) => ({
  path: "/bin/sh",
  args: [
    "sh",
    "-c",
    `cd ${placeOf(kind)} && echo ${kind} >>order && cat >${kind}.state && echo "$0 $A" >${kind}.words && for ns in mnt pid uts net; do readlink /proc/self/ns/$ns; done >${kind}.ns`,
  ],
  env: ["PATH=/usr/bin:/bin", "A=b"],
});
const hooksOf = (make: (kind: Kind) => object) => Object.fromEntries(KINDS.map((kind) => [kind, [make(kind)]]));
const read = (name: string) => readFileSync(join(told, name), "utf8");
const GOOD = { path: "/bin/true" };
const SLEEPER = ["/bin/sleep", "1000"];

describe("contain-oci: hooks", need("root"), () => {
  test("all six, each at its moment, in its namespaces, with the state on standard input", async (t) => {
    t.after(() => oci("delete", "--force", "six"));
    const folder = bundle("echo program >>/told/order; sleep 1000", {
      mounts: [...base(), ...mounts],
      hooks: hooksOf(note),
      annotations: { a: "b" },
    });
    assert.equal(oci("create", "--bundle", folder, "six").stderr, "");
    const inCreate = "prestart\ncreateRuntime\ncreateContainer\n";
    assert.equal(read("order"), inCreate);
    const { pid } = JSON.parse(oci("state", "six").stdout) as { pid: number };
    assert.equal(oci("start", "six").stderr, "");
    await eventually(() => read("order").includes("program") && existsSync(join(told, "poststart.ns")));
    assert.deepEqual(read("order").slice(inCreate.length).trimEnd().split("\n").toSorted(), ["poststart", "program", "startContainer"]);
    assert.ok(read("order").indexOf("startContainer") < read("order").indexOf("program"));
    const inside = ["mnt", "pid", "uts", "net"].map((ns) => readlinkSync(`/proc/${pid}/ns/${ns}`));
    const outside = ["mnt", "pid", "uts", "net"].map((ns) => readlinkSync(`/proc/self/ns/${ns}`));
    assert.equal(oci("delete", "--force", "six").stderr, "");
    assert.match(read("order"), /poststop\n$/);

    const statuses = {
      prestart: "creating",
      createRuntime: "creating",
      createContainer: "creating",
      startContainer: "created",
      poststart: "running",
      poststop: "stopped",
    };
    for (const kind of KINDS) {
      const state = JSON.parse(read(`${kind}.state`)) as Record<string, unknown>;
      const own = kind === "createContainer" || kind === "startContainer";
      assert.equal(state["status"], statuses[kind], kind);
      assert.deepEqual(
        [state["id"], state["bundle"], state["ociVersion"], state["annotations"]],
        ["six", folder, "1.3.0", { a: "b" }],
        kind,
      );
      assert.equal(state["pid"], kind === "poststop" ? 0 : own ? 1 : pid, kind);
      assert.equal(read(`${kind}.words`), "sh b\n", kind);
      assert.deepEqual(read(`${kind}.ns`).trimEnd().split("\n"), own ? inside : outside, kind);
    }
    assert.deepEqual(leftOf("six"), []);
  });

  for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
    for (const [what, hook, why] of [
      ["fails", { path: "/bin/sh", args: ["sh", "-c", "echo why >&2; exit 3"] }, /exit status 3: why/],
      ["is not there", { path: "/nowhere/hook" }, /\/nowhere\/hook/],
      ["takes too long", { path: "/bin/sh", args: ["sh", "-c", "sleep 77777; true"], timeout: 1 }, /took longer than 1 s/],
    ] as const) {
      test(`${kind} that ${what}: create fails, and all is undone`, (t) => {
        t.after(endSleepers);
        const { status, stdout, stderr } = oci("create", "--bundle", bundle(SLEEPER, { hooks: { [kind]: [GOOD, hook] } }), "bad");
        assert.deepEqual([status, stdout], [1, ""]);
        assert.match(stderr, new RegExp(`${kind} hook.*${why.source}`));
        assert.match(stderr, /^contain-oci: [^\n]*\n$/);
        assert.deepEqual(leftOf("bad"), []);
        assert.deepEqual(running("hold -- /bin/sleep 1000"), []);
      });
    }
  }

  test("poststart that fails: start says it, and the container is stopped", (t) => {
    t.after(() => oci("delete", "--force", "post"));
    oci(
      "create",
      "--bundle",
      bundle(SLEEPER, { hooks: { poststart: [{ path: "/bin/sh", args: ["sh", "-c", "echo why >&2; exit 3"] }] } }),
      "post",
    );
    const { status, stderr } = oci("start", "post");
    assert.deepEqual([status, stderr], [1, "contain-oci: error running poststart hook #0: /bin/sh: exit status 3: why\n"]);
    assert.equal((JSON.parse(oci("state", "post").stdout) as { status: string }).status, "stopped");
    assert.deepEqual([oci("delete", "post").status, leftOf("post")], [0, []]);
  });

  for (const detach of [[], ["--detach"]])
    test(`run ${detach.join("")}: poststart and poststop run, and nobody waits for a signal that is blocked`, (t) => {
      t.after(() => oci("delete", "--force", "ran"));
      const folder = bundle("until [ -e /told/poststart.ns ]; do sleep 0.01; done; exit 5", {
        mounts: [...base(), ...mounts],
        hooks: { poststart: [note("poststart")], poststop: [note("poststop")] },
      });
      for (const name of readdirSync(told)) rmSync(join(told, name));
      const { status, stderr } = oci("run", ...detach, "--bundle", folder, "ran");
      assert.deepEqual([status, stderr], [detach.length === 0 ? 5 : 0, ""]);
      assert.equal(read("order"), detach.length === 0 ? "poststart\npoststop\n" : "poststart\n");
    });

  test("run: a poststart that fails ends the container, and poststop is run", () => {
    const folder = bundle(SLEEPER, { hooks: { poststart: [{ path: "/bin/false" }], poststop: [note("poststop")] } });
    for (const name of readdirSync(told)) rmSync(join(told, name));
    const { status, stderr } = oci("run", "--bundle", folder, "failed");
    assert.deepEqual([status, leftOf("failed"), read("order")], [1, [], "poststop\n"]);
    assert.match(stderr, /error running poststart hook #0: \/bin\/false: exit status 1/);
  });

  test("poststart and poststop that take too long are killed, and a child of theirs is not waited for", (t) => {
    t.after(endSleepers);
    const slow = { path: "/bin/sh", args: ["sh", "-c", "sleep 77777; true"], timeout: 1 };
    oci("create", "--bundle", bundle(SLEEPER, { hooks: { poststart: [slow], poststop: [slow] } }), "slow");
    const before = Date.now();
    assert.match(oci("start", "slow").stderr, /poststart hook #0: \/bin\/sh: it took longer than 1 s/);
    const deleted = oci("delete", "slow");
    assert.deepEqual([deleted.status, leftOf("slow")], [0, []], "a poststop hook that fails is only told");
    assert.match(deleted.stderr, /warning: error running poststop hook #0: \/bin\/sh: it took longer than 1 s/);
    assert.ok(Date.now() - before < 100_000);
  });

  test("startContainer that fails: the program does not start, and the container is stopped", async () => {
    const ran = join(told, "ran");
    const hooks = { startContainer: [{ path: "/bin/false" }] };
    oci("create", "--bundle", bundle("touch /told/ran", { mounts: [...base(), ...mounts], hooks }), "startbad");
    oci("start", "startbad");
    await eventually(() => (JSON.parse(oci("state", "startbad").stdout) as { status: string }).status === "stopped");
    assert.equal(existsSync(ran), false);
    assert.deepEqual([oci("delete", "startbad").status, leftOf("startbad")], [0, []]);
  });

  test("what is no hook is refused before anything is made", () => {
    for (const [hook, why] of [
      [{ path: "relative" }, /hooks\.createRuntime: path relative: must be an absolute path/],
      [{ path: "/bin/true", timeout: -1 }, /hooks\.createRuntime\[\]\.timeout/],
      [{ path: "/bin/true", timeout: 0 }, /hooks\.createRuntime: timeout 0/],
      [{ path: "/bin/true", args: "x" }, /hooks\.createRuntime\[\]\.args/],
      [{ args: ["x"] }, /hooks\.createRuntime: path undefined/],
    ] as const) {
      const { status, stderr } = oci("create", "--bundle", bundle(SLEEPER, { hooks: { createRuntime: [hook] } }), "bad");
      assert.equal(status, 1, JSON.stringify(hook));
      assert.match(stderr, why);
      assert.doesNotMatch(stderr, /this is a bug/);
      assert.deepEqual(leftOf("bad"), []);
    }
  });
});

/** What a bundle has anyway: a list replaces it. */
function base(): object[] {
  const folder = bundle(SLEEPER);
  return (JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as { mounts: object[] }).mounts;
}
/** Processes by a part of their command lines. */
function running(words: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ").startsWith(words)
        ? [Number(name)]
        : [];
    } catch {
      return [];
    }
  });
}

/** The children of hooks that were killed. */
function endSleepers(): void {
  for (const pid of running("sleep 77777")) process.kill(pid, "SIGKILL");
}
