// config.json to the argvs of the tools: every captured configuration compiles, or is refused in one line that names the field; every
// field of the specification is done, refused or accepted with a reason.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { groupOf } from "../../packages/oci/src/compose/cgroupspath.ts";
import { compose, composeExec } from "../../packages/oci/src/compose/chain.ts";
import { deviceWords, limitWords } from "../../packages/oci/src/compose/resources.ts";
import { OciError } from "../../packages/oci/src/failure.ts";
import { checkFields, readProcess, readSpec } from "../../packages/oci/src/spec/check.ts";
import { FIELDS } from "../../packages/oci/src/spec/fields.ts";
import type { Resources, Spec } from "../../packages/oci/src/spec/spec.ts";
import { scratch } from "../helpers/rootfs.ts";
import { root } from "../helpers/run.ts";
import { SCHEMA } from "./schema.ts";

interface Captured {
  readonly name: string;
  readonly config: Record<string, unknown>;
}
const captured = readFileSync(join(root, "tests/oci/captured.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Captured);

const folder = scratch("oci-config");
const bundleOf = (config: unknown): string => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return folder;
};
const request = (spec: Spec) => ({ id: "c1", bundle: "/b", spec, cgroups: "cgroupfs", keyring: true, leave: undefined }) as const;
const chainOf = (config: unknown) => compose(request(readSpec(bundleOf(config)).value), "/state/c1");

const MINIMAL = {
  ociVersion: "1.3.0",
  root: { path: "rootfs" },
  process: { cwd: "/", args: ["true"] },
  linux: { namespaces: [{ type: "mount" }, { type: "uts" }, { type: "pid" }] },
};
/** MINIMAL with a value at a path. */
function having(path: string, value: unknown): unknown {
  const config = structuredClone(MINIMAL) as Record<string, unknown>;
  const keys = path.split(".");
  let at = config;
  for (const key of keys.slice(0, -1)) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  at[keys.at(-1) ?? ""] = value;
  return config;
}
const refused = (config: unknown): string => {
  try {
    chainOf(config);
  } catch (error) {
    assert.ok(error instanceof OciError, `${error}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return assert.fail("it was not refused");
};

describe("captured configurations", () => {
  for (const { name, config } of captured.filter((one) => one.name.includes("/config-"))) {
    test(name, () => {
      const { value, unknown } = readSpec(bundleOf(config));
      assert.deepEqual(unknown, []);
      const { container, makeGroup } = compose(request(value), "/state/c1");
      assert.deepEqual(container.slice(-value.process.args.length), value.process.args);
      assert.equal(container.filter((word) => word === "--mount").length, (value.mounts?.length ?? 0) + 1); // one is nsexec's
      assert.equal(makeGroup[0], "cgset");
    });
  }
  for (const { name, config } of captured.filter((one) => one.name.includes("/process-"))) {
    test(name, () => {
      const file = join(folder, "process.json");
      writeFileSync(file, JSON.stringify(config));
      const { value, unknown } = readProcess(file);
      assert.deepEqual(unknown, []);
      const argv = composeExec(value, { id: "c1", spec: MINIMAL as Spec, folder, pid: 7, group: "/g", leave: undefined });
      assert.deepEqual(argv.slice(0, 7), ["nsexec", "--fork", "--target", "7", "--all", "--into-cgroup", "/g"]);
    });
  }
});

describe("every field of the specification", () => {
  test("the table has all of them and no other", () => {
    assert.deepEqual([...FIELDS.keys()].toSorted(), [...SCHEMA].toSorted());
  });

  test("each has a reason", () => {
    for (const [name, { why }] of FIELDS) assert.ok(why.length > 1, name);
  });

  for (const [name, field] of FIELDS) {
    if (field.what !== "refused") continue;
    test(`${name} is refused by its name`, () => {
      const value = { string: "x", boolean: true, integer: 1, unsigned: 1, any: "x" }[field.type];
      const message = refused(valueAt(name, value));
      assert.ok(message.includes(`${name} is refused: ${field.why}`), message);
    });
    test(`${name} that says nothing is accepted`, () => {
      const value = { string: "", boolean: false, integer: 0, unsigned: 0, any: null }[field.type];
      checkFields(valueAt(name, value), "", "config.json");
    });
  }

  test("what is unknown is told, and left out", () => {
    const { value, unknown } = checkFields<Record<string, unknown>>(
      { ...MINIMAL, strange: { a: 1 }, linux: { ...MINIMAL.linux, odd: [1] } },
      "",
      "config.json",
    );
    assert.deepEqual(unknown, ["linux.odd", "strange"]);
    assert.deepEqual(value, MINIMAL);
  });
});

/** A configuration with a value at a field's place. */
function valueAt(name: string, value: unknown): unknown {
  const build = (path: string): unknown => {
    if (path === "") return value;
    const [, key = "", rest = ""] = /^\.?([^.[{]+)(.*)$/.exec(path) ?? [];
    if (path.startsWith("[]")) return [build(path.slice(2))];
    if (path.startsWith("{}")) return { key: build(path.slice(2)) };
    return { [key]: build(rest) };
  };
  const merge = (a: unknown, b: unknown): unknown => {
    if (Array.isArray(a) || Array.isArray(b) || typeof a !== "object" || typeof b !== "object" || a === null || b === null) return b;
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
    return Object.fromEntries(keys.map((key) => [key, key in x && key in y ? merge(x[key], y[key]) : key in y ? y[key] : x[key]]));
  };
  return merge(MINIMAL, build(name));
}

describe("what is wrong is refused in one line", () => {
  const cases: readonly (readonly [what: string, config: unknown, message: RegExp])[] = [
    ["no JSON", "{", /config\.json is not JSON/],
    ["a list", "[]", /config\.json: the whole: it is a JSON object/],
    ["no ociVersion", { ...MINIMAL, ociVersion: undefined }, /ociVersion is missing/],
    ["another major version", having("ociVersion", "2.0.0"), /ociVersion 2\.0\.0: only 1\.x/],
    ["no root", { ...MINIMAL, root: undefined }, /root\.path is missing/],
    ["no args", having("process.args", []), /missing program: process\.args/],
    ["a relative cwd", having("process.cwd", "tmp"), /process\.cwd tmp/],
    ["a variable without =", having("process.env", ["A"]), /process\.env: "A" is not NAME=VALUE/],
    ["a text for a number", having("process.user", { uid: "0" }), /process\.user\.uid: "0" is not a whole number/],
    ["a negative id", having("process.user", { uid: -1 }), /process\.user\.uid: -1/],
    ["a list for a map", having("process.user", []), /process\.user: it is a map/],
    ["a map for a list", having("mounts", {}), /mounts: it is a list/],
    ["a text for a map", having("linux", "x"), /linux: it is not "x"/],
    ["NUL in a word", having("process.args", ["a\0b"]), /process\.args\[\]: .* is not a string without NUL/],
    [
      "a limit twice",
      having(
        "process.rlimits",
        [1, 2].map(() => ({ type: "RLIMIT_CORE", soft: 0, hard: 0 })),
      ),
      /process\.rlimits: RLIMIT_CORE is given twice/,
    ],
    [
      "a namespace twice",
      having("linux.namespaces", [{ type: "mount" }, { type: "pid" }, { type: "pid" }]),
      /linux\.namespaces: pid is given twice/,
    ],
    ["a strange namespace", having("linux.namespaces", [{ type: "mount" }, { type: "x" }]), /no namespace of type "x"/],
    ["no mount namespace", having("linux.namespaces", [{ type: "pid" }]), /a new mount namespace is missing/],
    [
      "the host's mount namespace",
      having("linux.namespaces", [{ type: "mount", path: "/proc/1/ns/mnt" }]),
      /a new mount namespace is missing/,
    ],
    ["the host's name", { ...MINIMAL, hostname: "x", linux: { namespaces: [{ type: "mount" }] } }, /hostname: it would be the host's own/],
    ["a user namespace without ids", having("linux.namespaces", [{ type: "mount" }, { type: "user" }]), /linux\.uidMappings/],
    ["a group that leads up", having("linux.cgroupsPath", "/a/../.."), /linux\.cgroupsPath \/a\/\.\.\/\.\.: it leads up/],
    ["the root of all groups", having("linux.cgroupsPath", "/"), /that is the root of the hierarchy/],
    ["a mount without a type", having("mounts", [{ destination: "/x" }]), /mounts: \/x: type is missing/],
    ["a network device that keeps its name", having("linux.netDevices", { eth0: {} }), /linux\.netDevices\{\} is refused: network devices/],
    ...["idmap", "ridmap", "idmap=uids=0-5-1"].map(
      (word) =>
        [
          `a mount with ${word}`,
          having("mounts", [{ destination: "/x", type: "bind", source: "/y", options: ["rbind", word] }]),
          new RegExp(`mounts: /x: options: ${word} is refused: an idmapped mount`),
        ] as const,
    ),
    ["swap without memory", having("linux.resources.memory.swap", 5), /memory\.swap: without memory\.limit/],
    ["swap below memory", having("linux.resources.memory", { limit: 9, swap: 5 }), /memory\.swap 5: it is less than memory\.limit 9/],
    [
      "a file elsewhere",
      having("linux.resources.unified", { "../x.y": "1" }),
      /linux\.resources\.unified: "\.\.\/x\.y" is not a file of a group/,
    ],
  ];
  for (const [what, config, message] of cases) test(what, () => assert.match(refused(config), message));
});

describe("numbers of cgroup v1", () => {
  const words = (resources: Resources) => limitWords(resources).filter((word) => word !== "--set");
  const cases: readonly (readonly [Resources, string[]])[] = [
    [{}, []],
    [
      {
        memory: { limit: 0, swap: 0, reservation: 0 },
        cpu: { shares: 0, quota: 0, period: 0 },
        pids: { limit: 0 },
        blockIO: { weight: 0 },
      },
      [],
    ],
    [{ memory: { limit: 64, swap: 100 } }, ["memory.max=64", "memory.swap.max=36"]],
    [{ memory: { limit: -1, swap: -1, reservation: 5 } }, ["memory.max=max", "memory.low=5", "memory.swap.max=max"]],
    [{ cpu: { shares: 2 } }, ["cpu.weight=1"]],
    [{ cpu: { shares: 1024 } }, ["cpu.weight=39"]],
    [{ cpu: { shares: 262144 } }, ["cpu.weight=10000"]],
    [{ cpu: { quota: 50000, period: 100000 } }, ["cpu.max=50000 100000"]],
    [{ cpu: { quota: -1 } }, ["cpu.max=max 100000"]],
    [{ cpu: { cpus: "0-1", mems: "0", burst: 7, idle: 1 } }, ["cpu.idle=1", "cpu.max.burst=7", "cpuset.cpus=0-1", "cpuset.mems=0"]],
    [{ pids: { limit: -1 } }, ["pids.max=max"]],
    [{ blockIO: { weight: 10 } }, ["io.weight=default 1"]],
    [{ blockIO: { weight: 1000 } }, ["io.weight=default 10000"]],
    [{ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }] } }, ["io.max=8:0 rbps=9"]],
    [{ hugepageLimits: [{ pageSize: "2MB", limit: 9 }] }, ["hugetlb.2MB.max=9"]],
    [{ rdma: { mlx5_0: { hcaHandles: 3 } } }, ["rdma.max=mlx5_0 hca_handle=3"]],
    [
      { unified: { "memory.high": "5", "io.max": "8:0 rbps=1\n8:16 rbps=2" } },
      ["memory.high=5", "io.max=8:0 rbps=1", "io.max=8:16 rbps=2"],
    ],
  ];
  for (const [resources, wanted] of cases) test(JSON.stringify(resources), () => assert.deepEqual(words(resources), wanted));
});

describe("devices", () => {
  const rules = (list: NonNullable<Resources["devices"]>) => deviceWords(list).filter((word) => word !== "--device");
  test("a rule for all makes those before it void; the usual ones follow", () => {
    const [first, second, ...usual] = rules([
      { allow: true, type: "c", major: 1, minor: 3 },
      { allow: false, access: "rwm" },
      { allow: true, type: "b", major: 8, access: "r" },
    ]);
    assert.deepEqual([first, second], ["deny a", "b 8:* r"]);
    assert.equal(usual[0], "c *:* m");
  });
  test("all are allowed to a privileged one", () => assert.equal(rules([{ allow: true, type: "a", access: "rwm" }])[0], "a"));
});

describe("where the group is", () => {
  const cases = [
    ["/docker/abc", "/docker/abc"],
    ["docker//abc/", "/docker/abc"],
    [undefined, "/contain-oci/c1"],
    ["system.slice:docker:abc", "/system.slice:docker:abc"],
  ] as const;
  for (const [path, wanted] of cases) test(`${path}`, () => assert.equal(groupOf(path, "c1", false), wanted));
  test("systemd's groups are refused", () => assert.throws(() => groupOf("system.slice:docker:abc", "c1", true), /--systemd-cgroup/));
});
