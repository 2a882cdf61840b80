// --mount in docker's words, and the size of --tmpfs, of pivot and of contain run.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated, readMounts } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { NOBODY, run } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("mount");
const rootfs = makeRootfs(dir);
const source = join(dir, "source");
const strange = join(dir, 'a,b:c "d"');
for (const path of [source, join(source, "below"), strange, join(rootfs, "data")]) mkdirSync(path);
writeFileSync(join(source, "file"), "content\n");
writeFileSync(join(strange, "file"), "strange\n");
const inFields = (path: string) => `"source=${path.replaceAll('"', '""')}"`;

const TOOLS = {
  pivot: (...words: string[]) => ["pivot", rootfs, ...words, "--"],
  "contain run": (...words: string[]) => ["contain", "run", "-q", "--rootfs", rootfs, ...words, "--"],
  "contain run --confine": (...words: string[]) => ["contain", "run", "-q", "--confine", "--rootfs", rootfs, ...words, "--"],
} as const;
const shell = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
const SHOW = [
  "sh",
  "-c",
  "cat /data/file 2>/dev/null; touch /data/new 2>/dev/null && rm /data/new && echo writable; cat /proc/self/mountinfo",
];

interface Case {
  readonly text: string;
  readonly shows: string;
  readonly type?: "tmpfs";
  readonly options?: RegExp;
}

const CASES: readonly Case[] = [
  { text: `type=bind,source=${source},target=/data`, shows: "content\nwritable\n" },
  { text: `type=bind,src=${source},dst=/data,readonly`, shows: "content\n" },
  { text: `readonly=true,destination=/data,source=${source},type=bind`, shows: "content\n" },
  { text: `type=bind,source=${source},target=/data,ro=false`, shows: "content\nwritable\n" },
  { text: `type=bind,source=${source},target=/data,ro,bind-propagation=rprivate`, shows: "content\n" },
  { text: `Type=bind,${inFields(strange)},target=/data`, shows: "strange\nwritable\n" },
  { text: "type=tmpfs,target=/data", shows: "writable\n", type: "tmpfs", options: /^(?!.*size=)/ },
  { text: "type=tmpfs,target=/data,tmpfs-size=1M,tmpfs-mode=0700", shows: "writable\n", type: "tmpfs", options: /size=1024k,mode=700/ },
  { text: "type=tmpfs,target=/data,tmpfs-mode=1770", shows: "writable\n", type: "tmpfs", options: /mode=1770/ },
  { text: "type=tmpfs,target=/data,readonly", shows: "", type: "tmpfs" },
];

describe("--mount", need("root", "unshare"), () => {
  for (const [tool, words] of Object.entries(TOOLS)) {
    for (const { text, shows, type, options = /^/ } of CASES) {
      test(`${tool} --mount ${text.replaceAll(dir, "")}`, () => {
        const { status, stdout, stderr } = run([...words("--mount", text), ...SHOW]);
        assert.equal(status, 0, stderr);
        assert.equal(stdout.replaceAll(/^\d+ \d+ .*\n/gm, ""), shows);
        const mount = readMounts(stdout).get("/data");
        if (type !== undefined) assert.equal(mount?.type, type);
        assert.match(mount?.options.join(",") ?? "", options);
        if (tool.endsWith("--confine")) assert.match(mount?.flags ?? "", /nodev/);
      });
    }

    test(`${tool}: bind-recursive and bind-nonrecursive leave what is mounted below, or take it along`, () => {
      for (const [word, seen] of [
        ["", "there"],
        [",bind-recursive=enabled", "there"],
        [",bind-recursive=readonly,readonly", "there"],
        [",bind-recursive=disabled", ""],
        [",bind-nonrecursive", ""],
        [",bind-nonrecursive=false", "there"],
      ] as const) {
        const command = shell([...words("--mount", `type=bind,source=${source},target=/data${word}`), "ls", "/data/below"]);
        const { stdout, stderr } = isolated(`mount -t tmpfs none ${source}/below; touch ${source}/below/there; ${command}`);
        assert.equal(stdout.trim(), seen, word + stderr);
      }
    });

    for (const [propagation, arrives, leaves] of [
      ["private", false, false],
      ["rprivate", false, false],
      ["slave", true, false],
      ["rslave", true, false],
      ["shared", true, true],
      ["rshared", true, true],
    ] as const) {
      test(`${tool}: bind-propagation=${propagation}`, () => {
        const confined = tool.endsWith("--confine"); // which may not mount
        const inside = `echo ready; read x; ls /data/below; ${confined ? "true" : "mount -t tmpfs none /data/other && echo mounted; umount /data/other"}; grep -cE "shared:|master:" /proc/self/mountinfo; read x`;
        const other = confined ? "" : `until grep -q '^[0-9]*$' ${dir}/out; do :; done`;
        const { stdout, stderr } = isolated(
          `mount -t tmpfs none ${source}; mount --make-shared ${source}; mkdir ${source}/below ${source}/other; mkfifo ${dir}/go; : >${dir}/out
          ${shell([...words("--mount", `type=bind,source=${source},target=/data,bind-propagation=${propagation}`), "sh", "-c", inside.replace("; umount /data/other", "")])} <>${dir}/go >${dir}/out 2>&1 & pid=$!
          until grep -q ready ${dir}/out; do kill -0 $pid || break; done
          mount -t tmpfs none ${source}/below; touch ${source}/below/arrived; before
          echo >${dir}/go; until grep -q '^[0-9][0-9]*$' ${dir}/out; do kill -0 $pid || break; done; ${other}
          grep -q ' ${source}/other ' /proc/self/mountinfo && echo left
          echo >${dir}/go; wait; cat ${dir}/out; rm ${dir}/go`,
          { shared: true },
        );
        const peers = arrives ? (confined || !leaves ? 2 : 3) : 0;
        const expected = `${leaves && !confined ? "left\n" : ""}ready\n${arrives ? "arrived\n" : ""}${confined ? "" : "mounted\n"}${peers}\n`;
        assert.deepEqual([stdout, stderr], [expected, ""]);
      });
    }

    test(`${tool}: where nothing would travel it is said`, () => {
      for (const propagation of ["rslave", "rshared"]) {
        const { status, stdout, stderr } = isolated(
          `before; ${shell([...words("--mount", `type=bind,source=${source},target=/data,bind-propagation=${propagation}`), "true"])}; echo $?; same`,
        );
        assert.equal(status, 0);
        assert.match(stderr, /^pivot: --mount: bind-propagation=r?(slave|shared): .* is on \/\S*, which is not shared/);
        assert.equal(stdout, "125\n");
      }
    });
  }

  for (const [text, message] of [
    ["", /was given an empty value/],
    ["type=bind", /: target is a path inside/],
    [`type=bind,source=${source}`, /: target is a path inside/],
    [`type=bind,source=${source},target=data`, /: target is a path inside/],
    ["type=bind,target=/data", /: source is a file or directory/],
    ["type=bind,source=/no/such,target=/data", /: there is no \/no\/such on the host/],
    [`source=${source},target=/data`, /: no type is given\n +type=bind with a directory/],
    ["type=volume,source=x,target=/data", /: there are no named volumes here\n/],
    [`type=bind,source=${source},target=/data,tmpfs-size=1M`, /: type=bind has no "tmpfs-size"\n +it has source, target/],
    [`type=bind,source=${source},target=/data,colour=red`, /: type=bind has no "colour"\n/],
    [`type=bind,source=${source},src=${source},target=/data`, /: source is given twice\n/],
    [`type=bind,source=${source},target=/data,readonly=maybe`, /: readonly is true or false\n/],
    [`type=bind,source=${source},target=/data,bind-propagation=up`, /: bind-propagation is private, slave or shared/],
    [`type=bind,source=${source},target=/data,bind-recursive=writable`, /: bind-recursive is enabled or disabled/],
    ["type=tmpfs,target=/data,tmpfs-size=much", /--mount tmpfs-size: "much" is not a size\n/],
    ["type=tmpfs,target=/data,tmpfs-size=0", /--mount tmpfs-size: a size of 0 means no limit to the kernel/],
    ["type=tmpfs,target=/data,tmpfs-mode=9", /: tmpfs-mode is octal/],
    [`type=bind,"source=${source},target=/data`, /: a quote is inside a field, or is not closed\n/],
    [`type=bind,source="${source}",target=/data`, /: a quote is inside a field, or is not closed\n/],
  ] as const) {
    for (const tool of ["pivot", "contain run"] as const) {
      test(`refused: ${tool} --mount ${text.replaceAll(dir, "")}`, () => {
        const { status, stdout, stderr } = run([...TOOLS[tool]("--mount", text), "true"]);
        assert.match(stderr, message);
        assert.match(stderr, /^(pivot|contain): --mount /);
        assert.deepEqual([status, stdout], [125, ""]);
      });
    }
  }

  test("refused: what would lie under a volume where mounts travel, and a device on a volume with --confine", () => {
    const shared = ["--mount", `type=bind,source=${source},target=/data,bind-propagation=rshared`];
    assert.match(
      run([...TOOLS.pivot("--tmpfs", "/data/below", ...shared), "true"]).stderr,
      /^pivot: --mount: nothing can be mounted on \/data\/below/,
    );
    const device = TOOLS["contain run --confine"]("--mount", "type=bind,source=/dev/kmsg,target=/data");
    assert.match(
      run([...device, "true"]).stderr,
      /^contain: --mount .*: with --confine no device on a volume can be opened\n +--device \/dev\/kmsg:\/data\n/,
    );
  });

  test("an ordinary user has it too", () => {
    const { stdout, stderr } = run(
      [...TOOLS["contain run"]("--mount", `type=bind,${inFields(strange)},target=/data,ro`), "cat", "/data/file"],
      NOBODY,
    );
    assert.equal(stdout, "strange\n", stderr);
  });

  test("--print-chain has the same words, and does the same when pasted", () => {
    const words = TOOLS["contain run"]("--print-chain", "--mount", `type=bind,${inFields(strange)},target=/data,ro`);
    const chain = run([...words, "cat", "/data/file"]).stdout;
    assert.equal(run(["sh", "-c", chain]).stdout, "strange\n", chain);
  });
});

describe("--mount with ids of its own", need("root", "unshare", "script", "setpriv"), () => {
  const world = new World("mount");
  const ids = subordinateIds(world, dir);

  test("owners are shifted as those of a --volume are", () => {
    ids.set("containers:2348810240:65536\n");
    const words = [
      "contain",
      "run",
      "-q",
      "--userns",
      "auto",
      "--rootfs",
      rootfs,
      "--mount",
      `type=bind,${inFields(strange)},target=/data`,
      "--",
    ];
    const { stdout, stderr } = world.run([...words, "sh", "-c", "stat -c %u /data/file && touch /data/mine"]);
    assert.equal(stdout, "0\n", stderr);
    assert.equal(run(["stat", "-c", "%u", join(strange, "mine")]).stdout, "0\n");
  });
});

describe("--tmpfs", need("root"), () => {
  for (const tool of ["pivot", "contain run"] as const) {
    test(`${tool}: 0, which is no limit to the kernel, is refused, and max says it`, () => {
      const { status, stderr } = run([...TOOLS[tool]("--tmpfs", "/data:0"), "true"]);
      assert.match(stderr, /^(pivot|contain): --tmpfs: a size of 0 means no limit to the kernel \(tmpfs\(5\)\)\n +max, if that is meant/);
      assert.equal(status, 125);
      const { stdout } = run([...TOOLS[tool]("--tmpfs", "/data:max"), "cat", "/proc/self/mountinfo"]);
      assert.match(readMounts(stdout).get("/data")?.options.join(",") ?? "", /size=0k/);
      const page = run([...TOOLS[tool]("--tmpfs", "/data:1"), "cat", "/proc/self/mountinfo"]).stdout;
      assert.match(readMounts(page).get("/data")?.options.join(",") ?? "", /size=4k/);
    });
  }
});
