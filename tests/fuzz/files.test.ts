// 1,000 malformed files: seccomp profiles, env files, states, records. Each is read, or refused in words. CONTAIN_FUZZ_SEED=N tries others.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { planChain } from "../../packages/chain/src/chain.ts";
import { newContext } from "../../packages/chain/src/context.ts";
import { codeOf, ToolError } from "../../packages/kernel/src/ffi/errno.ts";
import { modelOf } from "../../packages/record/src/report/model.ts";
import { readRecording } from "../../packages/record/src/report/read.ts";
import { draw } from "../../packages/record/src/report/terminal.ts";
import { malformed, mutateBytes } from "../helpers/mutate.ts";
import { need } from "../helpers/need.ts";
import { Random, SEED, times } from "../helpers/random.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, isNative, root, run } from "../helpers/run.ts";
import { TOOLS } from "../helpers/words.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("fuzz-files");
const rootfs = makeRootfs(dir);
const world = new World("fuzz-files");
const KIND = times(250);

/** What is wrong with how a file was taken. */
function fault(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch (error) {
    const { message = "", stack } = error as Error;
    if (!(error instanceof ToolError) && !(codeOf(error) !== undefined && "syscall" in (error as Error))) return `a bug: ${stack}`;
    return message === "" || /undefined|\[object|NaN/.test(message) ? `the message: ${message}` : undefined;
  }
}

/** Each malformed file, by its number, is taken well. */
function tryAll(first: number, make: (random: Random) => Buffer, read: (file: string) => string | undefined): void {
  const faults: string[] = [];
  for (let i = first; i < first + KIND; i++) {
    const bytes = make(new Random(SEED, i));
    const file = join(dir, `file-${i}`);
    writeFileSync(file, bytes);
    const wrong = fault(() => read(file));
    if (wrong !== undefined)
      faults.push(`CONTAIN_FUZZ_SEED=${SEED}, number ${i}: ${wrong}\n${JSON.stringify(bytes.toString().slice(0, 1500))}`);
  }
  assert.equal(faults.join("\n"), "");
}

const PROFILE = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38,
  archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] }],
  flags: ["SECCOMP_FILTER_FLAG_LOG"],
  syscalls: [
    { names: ["execve", "write", "exit_group", "rt_sigaction", "read"], action: "SCMP_ACT_ALLOW" },
    { names: ["clone"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] },
    {
      names: ["mount"],
      action: "SCMP_ACT_ALLOW",
      includes: { caps: ["CAP_SYS_ADMIN"], minKernel: "4.8" },
      excludes: { arches: ["s390x"] },
    },
    { names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 22, errno: "EINVAL", args: [{ index: 0, value: 16, op: "SCMP_CMP_EQ" }] },
  ],
};
const ENV = Buffer.from(`# comment\nA=1\nB=two words\nC\n\nD='quoted' = $A\r\n\u00e9=\u00e9\nLONG=${"x".repeat(3000)}\n`);

test("250 seccomp profiles", () => {
  tryAll(
    200_000,
    (random) => malformed(random, PROFILE),
    (file) => void planChain(newContext(), TOOLS, "confine", ["--seccomp", file, "--", "true"]),
  );
});

test("250 env files", () => {
  tryAll(
    210_000,
    (random) => mutateBytes(random, ENV),
    (file) => void planChain(newContext(), TOOLS, "pivot", ["--env-file", file, rootfs, "--", "true"]),
  );
});

describe("records and states", need("root"), () => {
  test("250 records", () => {
    const file = join(dir, "record");
    const { stderr, status } = world.run([
      "contain",
      "run",
      "-q",
      "--record",
      file,
      "--rootfs",
      rootfs,
      "--",
      "sh",
      "-c",
      "sleep 1.2; exit 3",
    ]);
    assert.equal(status, 3, stderr);
    const lines = run(["cat", file])
      .stdout.trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    tryAll(
      220_000,
      (random) =>
        Buffer.concat(
          lines.map((line) =>
            Buffer.concat([random.chance(50) ? malformed(random, line) : Buffer.from(JSON.stringify(line)), Buffer.from("\n")]),
          ),
        ),
      (name) => {
        const text = draw(modelOf(readRecording(name)), 100);
        return /undefined|\[object|NaN|Infinity/.test(text) ? text : undefined;
      },
    );
  });

  test("250 states, by the commands that read them", () => {
    const driver = [process.execPath, "--import", "tsx", join(root, "tests/helpers/fuzzstates.ts")];
    const batches = Math.ceil(KIND / (isNative ? 10 : 25));
    const script = `cd ${root} && exec ${driver.join(" ")} ${rootfs} ${bin} ${SEED} ${batches}`;
    const { stdout, stderr } = world.run(["unshare", "-m", "-n", "-p", "-f", "--mount-proc", "sh", "-c", script], { timeout: 200_000 });
    assert.match(stdout, /done\n$/, stderr);
    const faults = stdout.split("\n").filter((line) => line.startsWith("{"));
    assert.equal(faults.map((line) => `CONTAIN_FUZZ_SEED=${SEED}: ${line}`).join("\n"), "");
  });
});
