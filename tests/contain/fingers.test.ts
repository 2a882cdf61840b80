// What fingers know from docker and podman: it works, or one line names the way.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { detached } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { isAlive } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run, sh } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("fingers");
const rootfs = makeRootfs(dir);

describe("words of docker", need("root"), () => {
  let id = "";
  const file = join(dir, "env");
  before(() => {
    mkdirSync(join(rootfs, "x"), { recursive: true });
    writeFileSync(join(rootfs, "etc/hosts"), "");
    writeFileSync(file, "FROM=file\n");
    id = detached(["--label", "a=b", "--hostname", "box", "--rootfs", rootfs, "--", "sh", "-c", "echo one; echo two; sleep 1000"]);
  });
  const inRoot = `contain run -q --rootfs ${rootfs}`;
  const works: readonly (readonly [script: string, output: RegExp])[] = [
    ["contain ps -lq", /^[0-9a-f]{12}\n$/],
    ["contain ps -n 1 -q", /^[0-9a-f]{12}\n$/],
    ["contain ps -n 0 -q", /^$/],
    ["contain ps --json | tail -1", /"created":"20\d\d-\d\d-\d\dT\S+Z"/],
    ["contain logs -n 1 ID", /^two\n$/],
    ["contain logs ID --tail 1", /^two\n$/],
    ["contain inspect -f '{{.Config.Hostname}} {{.Name}} {{json .Config.Labels}}' ID", /^box \/[0-9a-f]+ {"a":"b"}\n$/],
    ["contain inspect ID -f '{{.State.StartedAt}} {{.created}}'", /^20\S+Z 20\S+Z\n$/],
    ["contain stats -a --no-stream --no-trunc --format '{{.PIDs}}' ID", /^[1-9]\n$/],
    ["contain exec -i ID cat <FILE", /^FROM=file\n$/],
    ["contain exec -it ID tty", /^\/dev\/pts\/\d+\r\n$/],
    ["contain exec --env-file FILE -e MINE ID sh -c 'echo $FROM $MINE'", /^file mine\n$/],
    ["contain exec ID -w /etc -u 7:8+9 -- sh -c 'pwd; id -G'", /^\/etc\n8 9\n$/],
    [`${inRoot} --tty=false --rm=true -e MINE sh -c 'echo $MINE'`, /^mine\n$/],
    [`${inRoot} --group-add 44 --group-add 5 -u 1000 id -G`, /^0 5 44\n$/],
    [`${inRoot} --group-add 44 id`, /^uid=0\(root\) gid=0\(root\) groups=0\(root\),44\n$/],
    [`${inRoot} --add-host db:10.1.2.3 --add-host six:fd00::1 tail -2 /etc/hosts`, /^10.1.2.3\tdb\nfd00::1\tsix\n$/],
    [`${inRoot} --net veth --add-host up:host-gateway tail -1 /etc/hosts`, /^10.88.0.1\tup\n$/],
    [
      `${inRoot} --tmpfs /x:size=10m,mode=1770,noexec sh -c 'grep " /x " /proc/mounts; stat -c %a /x'`,
      /nosuid,nodev,noexec.*size=10240k.*\n1770\n$/,
    ],
    [`${inRoot} --tmpfs /x:ro touch /x/y 2>&1`, /Read-only/],
    [`${inRoot} --userns host true`, /^$/],
    [`${inRoot} --json - true | head -c 5`, /^{"id"/],
    [`${inRoot} --record - true | contain report -`, /^container +[0-9a-f]{12}\n/],
    [`echo FROM=stdin | ${inRoot} --env-file - sh -c 'echo $FROM'`, /^stdin\n$/],
    [`${inRoot} --cidfile - true`, /^[0-9a-f]{12}\n$/],
  ];
  for (const [script, output] of works) {
    test(script.replace(rootfs, "ROOTFS"), () => {
      const { stdout, stderr } = sh(script.replace(/\bID\b/, id).replaceAll("FILE", file), { env: { MINE: "mine" } });
      assert.match(stdout, output, stderr);
    });
  }

  const told: readonly (readonly [script: string, message: RegExp])[] = [
    [`${inRoot} --net container:ID true`, /must be none, host or veth\n.*nsexec --target .* --net -- contain run --net host/],
    [`${inRoot} --pid container:ID true`, /must be host or private\n.*nsexec --target .* --pid -- contain run --pid host/],
    [`${inRoot} --add-host db true`, /--add-host "db": must be NAME:IP/],
    [`${inRoot} --add-host db:1.2.3.400 true`, /"1.2.3.400" is not an IPv4 address/],
    [`${inRoot} --add-host db:dead:beef true`, /"dead:beef" is not an IPv6 address/],
    [`${inRoot} --add-host db:host-gateway true`, /host-gateway needs --net veth/],
    [`${inRoot} --tmpfs /x:size=much,mode=1 true`, /--tmpfs size: "much" is not a size/],
    [`${inRoot} --tmpfs /x:mode=99,ro true`, /mode is octal/],
    [`${inRoot} --user 1+ true`, /must be UID\[:GID\]\[\+GID…\]/],
    [`${inRoot} -d --json - true`, /--json - does not go with --detach/],
    [`${inRoot} --timeout 3 true`, /unknown option --timeout\n.*timeout 10s contain run/],
    ["contain exec -dt ID true", /--detach and --tty exclude each other/],
    ["contain exec --privileged ID true", /unknown option --privileged\n.*nsexec --target/],
    ["contain top ID aux", /unexpected argument: aux\n.*contain exec ID ps/],
    ["contain rm --volumes ID", /unknown option --volumes\n.*there are no volumes/],
    ["contain ps -n some", /--last/],
    ["contain ps --engines -w", /--engines and --watch exclude each other/],
    ["contain ps --engines -l", /--engines and --latest exclude each other/],
    ["contain rootfs here there", /unexpected argument: there\n.*contain rootfs DIR/],
    [`contain ps --root ${dir}/none --format '{{.Bad}}'`, /there is no field .Bad\n.*there are ID, Names/],
    [`contain stats --root ${dir}/none --format '{{.Bad}}'`, /there is no field .Bad\n.*there are ID, Container/],
  ];
  for (const [script, message] of told) {
    test(`${script.replace(rootfs, "ROOTFS")}: told`, () => {
      const { status, stderr } = sh(script.replace(/\bID\b/, id));
      assert.equal(status, 125);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 2 - Number(!stderr.includes("\n  ")), stderr);
    });
  }
});

describe("contain exec --detach", need("root"), () => {
  test("leaves the program running, without our input and output; it ends with the container", async () => {
    const id = detached(["--rootfs", rootfs, "--", "sleep", "1000"]);
    const { status, stdout, stderr } = run([
      "contain",
      "exec",
      "-d",
      id,
      "sh",
      "-c",
      "readlink /proc/self/fd/0 /proc/self/fd/1; exec sleep 4321",
    ]);
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    const pids = () =>
      run(["contain", "top", id])
        .stdout.split("\n")
        .map((line) => Number(line.split(/ +/)[0]));
    const found = () => pids().find((pid) => pid > 0 && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("4321"));
    await eventually(() => found() !== undefined, "it runs");
    const pid = found() ?? 0;
    run(["contain", "kill", id]);
    await eventually(() => !isAlive(pid), "it has ended");
  });

  test("a program that is not there: 127, and why", () => {
    const id = detached(["--rootfs", rootfs, "--", "sleep", "1000"]);
    const { status, stderr } = run(["contain", "exec", "-d", id, "no-such-program"]);
    assert.equal(status, 127);
    assert.match(stderr, /no-such-program: not found/);
  });
});
