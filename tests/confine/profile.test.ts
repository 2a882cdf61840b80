// Seccomp profiles in docker's format: what each key means, what is told of one that is wrong, and 32-bit calls.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";

const dir = scratch("profile");
const perl = (code: string) => ["perl", "-e", code];
const profile = (name: string, content: unknown) => {
  const file = join(dir, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
};
const mkdir = (rule: object) => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", ...rule }],
});
/** A value that JavaScript's numbers cannot hold, as text. */
const text64 = (value: string, op: string) =>
  JSON.stringify(mkdir({ args: [{ index: 1, value: 1, op }], comment: '"value": 12345678901234567' })).replace(
    '"value":1,',
    `"value" : ${value},`,
  );

const allow = (text: string) => `{"defaultAction":"SCMP_ACT_ALLOW",${text}}`;
const rule = (text: string) => allow(`"syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO",${text}}]`);
/** Profiles that are wrong, and where. */
const BROKEN: readonly (readonly [content: string, said: RegExp])[] = [
  ["null", /not a profile/],
  ['{"syscalls":[]}', /: defaultAction is missing/],
  ['{"defaultAction":"__proto__"}', /: defaultAction: "__proto__" is not a known action/],
  [allow('"sycalls":[]'), /: sycalls is not a key of a profile/],
  [allow('"syscalls":[null]'), /: syscalls\[0\] is not an object: null/],
  [allow('"syscalls":[{"action":"SCMP_ACT_ERRNO"}]'), /: syscalls\[0\]\.names is missing/],
  [allow('"syscalls":[{"names":["mkdir"]}]'), /: syscalls\[0\]\.action is missing/],
  [allow('"syscalls":[{"names":["mkdir"],"action":"toString"}]'), /: syscalls\[0\]\.action: "toString" is not a known action/],
  [allow('"syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]'), /: SCMP_ACT_NOTIFY needs listenerPath/],
  [allow('"syscalls":[{"name":"mkdir","names":["rmdir"],"action":"SCMP_ACT_ERRNO"}]'), /: syscalls\[0\]: name and names exclude/],
  [allow('"syscalls":[{"names":[5],"action":"SCMP_ACT_ERRNO"}]'), /: syscalls\[0\]\.names\[0\]: 5 is not a text/],
  [rule('"errnoRet":"EPERM"'), /: syscalls\[0\]\.errnoRet: "EPERM" is not an errno/],
  [rule('"errnoRet":4096'), /: syscalls\[0\]\.errnoRet: 4096 is not an errno/],
  [rule('"errnoRet":-1'), /: syscalls\[0\]\.errnoRet: -1 is not an errno/],
  [rule('"errno":"EFUN"'), /: syscalls\[0\]\.errno: "EFUN" is not an errno/],
  [rule('"args":[null]'), /: syscalls\[0\]\.args\[0\] is not an object/],
  [rule('"args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]'), /: syscalls\[0\]\.args\[0\]\.index: must be a number from 0 to 5/],
  [rule('"args":[{"index":0,"op":"SCMP_CMP_EQ"}]'), /: syscalls\[0\]\.args\[0\]\.value is missing/],
  [rule('"args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}]'), /\.value: -1 is not a whole number below 2\^64/],
  [rule('"args":[{"index":0,"value":1.5,"op":"SCMP_CMP_EQ"}]'), /\.value: 1\.5 is not a whole number/],
  [
    rule('"args":[{"index":0,"value":18446744073709551616,"op":"SCMP_CMP_EQ"}]'),
    /\.value: 18446744073709551616 is not a whole number below 2\^64/,
  ],
  [rule('"exclude":{}'), /: syscalls\[0\]\.exclude is not a key of a profile/],
  [rule('"includes":{"caps":"CAP_CHOWN"}'), /: syscalls\[0\]\.includes\.caps is not a list/],
  [rule('"includes":{"caps":["chown"]}'), /"chown" is not a capability\n.*did you mean CAP_CHOWN\?/],
  [rule('"includes":{"minKernel":5}'), /: syscalls\[0\]\.includes\.minKernel: 5 is not a text/],
  [rule('"excludes":{"minKernel":"4"}'), /: syscalls\[0\]\.excludes\.minKernel: "4" is not a kernel version/],
  [allow('"archMap":[null]'), /: archMap\[0\] is not an object/],
  [allow('"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":"X"}]'), /: archMap\[0\]\.subArchitectures is not a list/],
  [allow('"architectures":["SCMP_ARCH_FOO"]'), /: architectures\[0\]: "SCMP_ARCH_FOO" is not a known architecture/],
  [
    allow('"architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]'),
    /: architectures and archMap exclude each other/,
  ],
  [allow('"flags":["TSYNC"]'), /: flags\[0\]: "TSYNC" is not a known flag/],
];

describe("confine --seccomp FILE", need("root", "perl"), () => {
  const makeDirectory = perl("mkdir('/tmp', 0751) ? 0 : print 0+$!"); // EEXIST is 17

  const RULES: readonly { readonly name: string; readonly words?: string; readonly profile: unknown; readonly expected: string }[] = [
    { name: "errnoRet", profile: mkdir({ errnoRet: 95 }), expected: "95" },
    { name: "EPERM without errnoRet", profile: mkdir({}), expected: "1" },
    { name: "an argument that matches", profile: mkdir({ args: [{ index: 1, value: 0o751, op: "SCMP_CMP_EQ" }] }), expected: "1" },
    { name: "an argument that does not", profile: mkdir({ args: [{ index: 1, value: 1, op: "SCMP_CMP_EQ" }] }), expected: "17" },
    {
      name: "a masked argument",
      profile: mkdir({ args: [{ index: 1, value: 0o700, valueTwo: 0o700, op: "SCMP_CMP_MASKED_EQ" }] }),
      expected: "1",
    },
    {
      name: "two conditions on one argument: either",
      profile: mkdir({
        args: [
          { index: 1, value: 1, op: "SCMP_CMP_EQ" },
          { index: 1, value: 0o751, op: "SCMP_CMP_EQ" },
        ],
      }),
      expected: "1",
    },
    { name: "includes.caps that is left", words: "--keep chown", profile: mkdir({ includes: { caps: ["CAP_CHOWN"] } }), expected: "1" },
    { name: "includes.caps that is not", words: "--drop chown", profile: mkdir({ includes: { caps: ["CAP_CHOWN"] } }), expected: "17" },
    { name: "excludes.caps that is left", words: "--keep chown", profile: mkdir({ excludes: { caps: ["CAP_CHOWN"] } }), expected: "17" },
    { name: "includes.arches of another machine", profile: mkdir({ includes: { arches: ["s390x"] } }), expected: "17" },
    { name: "excludes.arches of this one", profile: mkdir({ excludes: { arches: ["amd64", "arm64"] } }), expected: "17" },
    { name: "minKernel that is not reached", profile: mkdir({ includes: { minKernel: "99.0" } }), expected: "17" },
    { name: "minKernel that is", profile: mkdir({ includes: { minKernel: "4.8" } }), expected: "1" },
    { name: "the older format, with a name", profile: mkdir({ names: undefined, name: "mkdir" }), expected: "1" },
    { name: "names that are empty, beside a name", profile: mkdir({ names: [], name: "mkdir" }), expected: "1" },
    { name: "null, where there is nothing", profile: mkdir({ args: null, errnoRet: null, includes: null, excludes: {} }), expected: "1" },
    { name: "comments", profile: { ...mkdir({ comment: "why", includes: { comment: "why" } }), comment: "why" }, expected: "1" },
    { name: "errno by its name, as podman has it", profile: mkdir({ errno: "ENODEV" }), expected: "19" },
    { name: "errnoRet before errno", profile: mkdir({ errno: "EPERM", errnoRet: 95 }), expected: "95" },
    { name: "errnoRet 0: it seems to succeed", profile: mkdir({ errnoRet: 0 }), expected: "" },
    ...(["NE", "LT", "LE", "EQ", "GE", "GT"] as const).flatMap((op) =>
      [0o750, 0o751, 0o752].map((value) => {
        const holds = {
          NE: 0o751 !== value,
          LT: 0o751 < value,
          LE: 0o751 <= value,
          EQ: 0o751 === value,
          GE: 0o751 >= value,
          GT: 0o751 > value,
        };
        return {
          name: `0751 ${op} 0${value.toString(8)}`,
          profile: mkdir({ args: [{ index: 1, value, op: `SCMP_CMP_${op}` }] }),
          expected: holds[op] ? "1" : "17",
        };
      }),
    ),
    {
      name: "three arguments: all of them, and the last one cannot hold",
      profile: mkdir({
        args: [
          { index: 1, value: 0o751, op: "SCMP_CMP_EQ" },
          { index: 2, value: 0x7fff, op: "SCMP_CMP_LT" },
          { index: 3, value: 0, op: "SCMP_CMP_LT" },
        ],
      }),
      expected: "17",
    },
    { name: "a value of 64 bits, to the last one", profile: text64("18446744073709551615", "SCMP_CMP_NE"), expected: "1" },
    { name: "a value of 64 bits, that is not there", profile: text64("18446744073709551615", "SCMP_CMP_EQ"), expected: "17" },
    { name: "SCMP_ACT_LOG lets it pass", profile: mkdir({ action: "SCMP_ACT_LOG" }), expected: "17" },
    { name: "SCMP_ACT_TRACE without a tracer is ENOSYS", profile: mkdir({ action: "SCMP_ACT_TRACE" }), expected: "38" },
    {
      name: "flags",
      profile: { ...mkdir({}), flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"] },
      expected: "1",
    },
    {
      name: "includes of two capabilities, one of which is left",
      words: "--keep chown",
      profile: mkdir({ includes: { caps: ["CAP_CHOWN", "CAP_KILL"] } }),
      expected: "17",
    },
    {
      name: "a capability that is newer than we are is not there",
      words: "--keep all",
      profile: mkdir({ includes: { caps: ["CAP_NEWER"] } }),
      expected: "17",
    },
    { name: "excludes.minKernel that is reached", profile: mkdir({ excludes: { minKernel: "4.8" } }), expected: "17" },
    { name: "a call that no libseccomp knows", profile: mkdir({ names: ["mkdir", "no_such_call"] }), expected: "1" },
  ];
  for (const [i, { name, words = "--drop none", profile: content, expected }] of RULES.entries()) {
    test(name, () => {
      const file = profile(`rule${i}.json`, content);
      const { stdout, stderr } = run(["confine", ...words.split(" "), "--seccomp", file, "--", ...makeDirectory]);
      assert.equal(stderr, "");
      assert.equal(stdout, expected);
    });
  }

  const BAD: readonly { readonly name: string; readonly words: readonly string[]; readonly said: RegExp }[] = [
    { name: "no such file", words: ["--seccomp", "/none.json"], said: /--seccomp \/none.json: cannot be read: ENOENT/ },
    { name: "no JSON", words: ["--seccomp", profile("bad.json", "{")], said: /not JSON/ },
    {
      name: "a key that is missing",
      words: ["--seccomp", profile("missing.json", { ...mkdir({}), archMap: [{ subArchitectures: [] }] })],
      said: /archMap\[0\]\.architecture is missing/,
    },
    { name: "a list", words: ["--seccomp", profile("list.json", "[]")], said: /not a profile/ },
    {
      name: "no action",
      words: ["--seccomp", profile("action.json", { defaultAction: "ALLOW" })],
      said: /defaultAction: "ALLOW" is not a known action/,
    },
    {
      name: "no comparison",
      words: ["--seccomp", profile("op.json", mkdir({ args: [{ index: 0, value: 1, op: "EQ" }] }))],
      said: /syscalls\[0\]\.args\[0\]\.op: "EQ" is not a known comparison/,
    },
    {
      name: "names that are no list",
      words: ["--seccomp", profile("names.json", mkdir({ names: "mkdir" }))],
      said: /syscalls\[0\]\.names is not a list/,
    },
    ...BROKEN.map(([content, said], i) => ({ name: content, words: ["--seccomp", profile(`broken${i}.json`, content)], said })),
    { name: "no capability", words: ["--keep", "flying"], said: /--keep: "flying" is not a capability/ },
    { name: "two lists", words: ["--keep", "chown", "--drop", "kill"], said: /--keep and --drop exclude each other/ },
    { name: "nothing to trace", words: ["--trace-denied"], said: /without --seccomp nothing is refused/ },
  ];
  for (const { name, words, said } of BAD) {
    test(`is refused before anything is done: ${name}`, () => {
      const { status, stdout, stderr } = run(["confine", ...words, "--", "echo", "ran"]);
      assert.equal(status, 125);
      assert.equal(stdout, "");
      assert.match(stderr, said);
      assert.equal(stderr.includes("    at "), false, "no stack trace");
    });
  }

  test("a call newer than the profile gets ENOSYS, so that libc falls back", () => {
    const { stdout } = run(["confine", "--seccomp", "default", "--", ...perl("syscall(600); print 0+$!")]);
    assert.equal(stdout, "38");
  });

  test("actions that kill, and a default action other than errno", () => {
    const kill = (action: string) => run(["confine", "--seccomp", profile("kill.json", mkdir({ action })), "--", ...makeDirectory]).signal;
    for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
      assert.equal(kill(action), "SIGSYS", action);
    const file = profile("log.json", { defaultAction: "SCMP_ACT_LOG", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }] });
    assert.equal(run(["confine", "--seccomp", file, "--", ...makeDirectory]).stdout, "1");
  });
});

const onX64 = process.arch === "x64" ? need("root", "gcc") : { skip: "32-bit calls of x86" };

describe("the default profile, by the other ways into the kernel", onX64, () => {
  const program = join(dir, "call");
  before(() => {
    // `call i386 NR A B C …`: the result, negative for an errno; int 0x80 is a 32-bit call from a 64-bit program too.
    writeFileSync(
      `${program}.c`,
      `#include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <unistd.h>
      int main(int argc, char **argv) {
        long a[7] = {0};
        for (int i = 2; i < argc && i < 9; i++) a[i - 2] = strtoul(argv[i], NULL, 0);
        long r;
        if (strcmp(argv[1], "i386") == 0) {
          int r32;
          __asm__ volatile("int $0x80" : "=a"(r32) : "a"((int)a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5])
                           : "r8", "r9", "r10", "r11", "memory");
          r = r32;
        } else {
          if (strcmp(argv[1], "x32") == 0) a[0] |= 0x40000000;
          register long r10 __asm__("r10") = a[4];
          register long r8 __asm__("r8") = a[5];
          __asm__ volatile("syscall" : "=a"(r) : "a"(a[0]), "D"(a[1]), "S"(a[2]), "d"(a[3]), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
        }
        if (r == 0 && (a[0] == 120 || a[0] == 56)) _exit(0);
        printf("%ld", r);
        return 0;
      }`,
    );
    const built = run(["gcc", "-static", "-o", program, `${program}.c`]);
    assert.equal(built.status, 0, built.stderr);
  });
  const call = (words: readonly (string | number)[], filter = "default") =>
    Number(run(["confine", "--keep", "default", "--seccomp", filter, "--", program, ...words.map(String)]).stdout);
  const EPERM = -1;
  const ENOSYS = -38;

  const I386: Readonly<Record<string, readonly [number: number, ...args: (number | string)[]]>> = {
    ...{ mount: [21], umount: [22], umount2: [52], stime: [25], swapon: [87], reboot: [88, -1] },
    ...{ init_module: [128], delete_module: [129], quotactl: [131], personality: [136, 0x40000], fsopen: [430, -1] },
    ...{ pivot_root: [217], kexec_load: [283, 0, -1], add_key: [286], keyctl: [288, 0, -1], unshare: [310, 0x10000000], setns: [346, -1] },
    ...{
      open_by_handle_at: [342, -1],
      finit_module: [350, -1],
      bpf: [357],
      userfaultfd: [374, -1],
      io_uring_setup: [425],
      open_tree: [428, -1],
    },
    ...{
      "clone of a user namespace": [120, 0x10000000],
      TIOCSTI: [54, 0, 0x5412],
      AF_VSOCK: [359, 40, 1],
      AF_ALG: [359, 38, 5],
      settimeofday: [79, -1, -1],
    },
  };
  test("a 32-bit call is refused as its 64-bit one", () => {
    for (const [name, words] of Object.entries(I386)) {
      assert.equal(call(["i386", ...words]), EPERM, name);
    }
    const there = Object.values(I386).filter((words) => call(["i386", ...words], "none") !== ENOSYS);
    assert.ok(there.length >= 15, `without the filter this kernel has ${there.length} of them`);
  });
});
