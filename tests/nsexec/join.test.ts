// nsexec --join: namespaces that are joined by a file, beside those that are made.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { childOf } from "../helpers/proc.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";

const nsexec = join(bin, "nsexec");
const FILES = { mount: "mnt", uts: "uts", ipc: "ipc", net: "net", pid: "pid", user: "user", cgroup: "cgroup", time: "time" } as const;
type Kind = keyof typeof FILES;

/** A process with new namespaces, until the tests are over. */
class Pod {
  pid = 0;
  private child: ChildProcess | undefined;

  constructor(words: readonly string[], user = {}) {
    before(async () => {
      const child = spawn("unshare", [...words, "sh", "-c", "echo $$; exec sleep infinity"], {
        stdio: ["ignore", "pipe", "inherit"],
        ...user,
      });
      this.child = child;
      await new Promise((resolve, reject) => child.stdout.once("data", resolve).once("close", reject));
      // With --fork it is the child of unshare.
      this.pid = childOf(child.pid ?? 0) || (child.pid ?? 0);
    });
    after(() => this.child?.kill("SIGKILL"));
  }

  file(kind: Kind): string {
    return `/proc/${this.pid}/ns/${FILES[kind]}`;
  }

  words(...kinds: readonly Kind[]): string[] {
    return kinds.flatMap((kind) => ["--join", `${kind}=${this.file(kind)}`]);
  }
}

const SHOW = ["readlink", ...Object.values(FILES).map((file) => `/proc/self/ns/${file}`)];

/** The namespaces that a program finds itself in: "pod", "host" or "new". */
function namespacesOf(pod: Pod, words: readonly string[], user = {}): Record<Kind, string> {
  const { stdout, stderr, status } = run([nsexec, ...words, "--", ...SHOW], user);
  assert.equal(status, 0, stderr);
  const lines = stdout.trim().split("\n");
  const entries = (Object.keys(FILES) as Kind[]).map((kind, i) => {
    if (lines[i] === readlinkSync(`/proc/self/ns/${FILES[kind]}`)) return [kind, "host"];
    return [kind, lines[i] === readlinkSync(pod.file(kind)) ? "pod" : "new"];
  });
  return Object.fromEntries(entries) as Record<Kind, string>;
}

const HOST = { mount: "host", uts: "host", ipc: "host", net: "host", pid: "host", user: "host", cgroup: "host", time: "host" };
const without = (result: Record<Kind, string>, kind: Kind) => ({ ...result, [kind]: "host" });

describe("nsexec --join", need("root", "unshare"), () => {
  const pod = new Pod(["-muinpfTC", "--kill-child", "--mount-proc"]);

  test("as a pod's container: ipc, uts and net joined, pid, mount and cgroup new", () =>
    assert.deepEqual(namespacesOf(pod, [...pod.words("ipc", "uts", "net"), "--pid", "--mount-proc", "--cgroup"]), {
      ...{ ...HOST, ipc: "pod", uts: "pod", net: "pod", pid: "new", mount: "new", cgroup: "new" },
    }));

  for (const kind of ["uts", "ipc", "net", "cgroup", "time"] as const) {
    test(`${kind} alone`, () => assert.deepEqual(namespacesOf(pod, pod.words(kind)), { ...HOST, [kind]: "pod" }));
    test(`${kind}, and a new user namespace`, () =>
      assert.deepEqual(namespacesOf(pod, [...pod.words(kind), "-r"]), { ...HOST, [kind]: "pod", user: "new" }));
  }

  test("mounts and PIDs, and a new UTS namespace", () =>
    assert.deepEqual(namespacesOf(pod, [...pod.words("mount", "pid"), "--uts"]), { ...HOST, mount: "pod", pid: "pod", uts: "new" }));

  test("PIDs, and new mounts: the status comes back, and a program that is not there is told once", () => {
    const words = [nsexec, ...pod.words("pid"), "--mount-proc", "--"];
    assert.match(run([...words, "cat", "/proc/1/comm"]).stdout, /^sleep$/m);
    assert.equal(run([...words, "sh", "-c", "exit 7"]).status, 7);
    assert.equal(run([...words, "sh", "-c", "kill -TERM $$"]).signal, "SIGTERM");
    const missing = run([...words, "/nope"]);
    assert.deepEqual([missing.status, missing.stderr], [127, 'nsexec: "/nope": no such file\n']);
  });

  test("without a child where the kernel needs none", () => {
    const { stdout } = run(["sh", "-c", `echo $$; exec ${nsexec} ${pod.words("net", "uts").join(" ")} --ipc -- sh -c 'echo $$'`]);
    const [before, inside] = stdout.trim().split("\n");
    assert.equal(inside, before);
  });

  test("--wd is the caller's directory, --wdns one among the mounts that are joined", () => {
    assert.equal(run([nsexec, ...pod.words("mount"), "--wd", "/etc", "--", "pwd"]).stdout, "/etc\n");
    assert.equal(run([nsexec, ...pod.words("mount"), "--wdns", "/usr", "--", "pwd"]).stdout, "/usr\n");
    assert.match(
      run([nsexec, ...pod.words("mount"), "--wdns", "/none", "--", "pwd"]).stderr,
      /--wdns \/none: no such directory in the mount namespace \/proc/,
    );
  });

  test("one's own are no fault", () => {
    const own = Object.entries(FILES).flatMap(([kind, file]) => ["--join", `${kind}=/proc/self/ns/${file}`]);
    assert.deepEqual(namespacesOf(pod, own), HOST);
  });

  test("a host name is set in the UTS namespace that is joined", () => {
    assert.equal(run([nsexec, ...pod.words("uts"), "--hostname", "joined", "--domainname", "example", "--", "true"]).status, 0);
    assert.equal(
      run([nsexec, "-t", `${pod.pid}`, "-u", "--", "sh", "-c", "hostname; cat /proc/sys/kernel/domainname"]).stdout,
      "joined\nexample\n",
    );
  });

  test("a new root with shifted owners is around those that are joined", () => {
    const shift = ["--map-users", "0:100000:65536", "--map-groups", "0:100000:65536", "--mount", "--shift", "/"];
    assert.deepEqual(without(namespacesOf(pod, [...pod.words("uts"), ...shift]), "mount"), { ...HOST, uts: "pod", user: "new" });
  });
});

describe("nsexec --join user=", need("root", "unshare"), () => {
  const owned = new Pod(["-Urn"]);
  const hosts = new Pod(["-u"]);
  const mine = new Pod(["-Urnu"], NOBODY);

  test("what its root owns is joined after it, and what is new is its own", () =>
    assert.deepEqual(namespacesOf(owned, [...owned.words("user", "net"), "--pid", "--mount-proc"]), {
      ...{ ...HOST, user: "pod", net: "pod", pid: "new", mount: "new" },
    }));

  test("what the host owns is joined before it", () =>
    assert.deepEqual(namespacesOf(hosts, [...owned.words("user", "net"), ...hosts.words("uts")]), {
      ...HOST,
      uts: "pod",
      user: "new",
      net: "new",
    }));

  test("an ordinary user joins their own", () =>
    assert.deepEqual(namespacesOf(mine, [...mine.words("user", "net"), "--ipc"], NOBODY), {
      ...HOST,
      user: "pod",
      net: "pod",
      ipc: "new",
    }));

  test("another's is refused", () => {
    const { status, stderr } = run([nsexec, ...owned.words("net"), "--", "true"], NOBODY);
    assert.equal(status, 125);
    assert.match(stderr, /EACCES|EPERM/);
  });
});
