// Whatever word a caller gives, no message of ours writes to the terminal with it: no escape sequence, no C1 control, no bidirectional one.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bin, run } from "../helpers/run.ts";

const EVIL = "\x1b[31mred\u009b0m\u202eback";
const dir = mkdtempSync(join(tmpdir(), "contain-printable-"));
after(() => rmSync(dir, { recursive: true }));
const file = join(dir, EVIL);
writeFileSync(file, `${EVIL}\n`);
const script = join(dir, "script");
writeFileSync(script, `#!/${EVIL}\n`, { mode: 0o755 });

/** The words of each tool: an option's name, its value, a path, the program, what is shown of what succeeds. */
const CASES: readonly (readonly string[])[] = [
  ...["nsexec", "cgset", "pivot", "pid1", "confine", "hold", "veth", "contain"].flatMap((tool) => [
    [tool, EVIL],
    [tool, `--${EVIL}`],
    [tool, `-${EVIL}`],
    [tool, `--trace=${EVIL}`, "true"],
    [tool, "--chain", EVIL, "true"],
    [tool, "--preserve-fds", EVIL, "true"],
  ]),
  ["nsexec", "--hostname", EVIL.repeat(9), "true"],
  ["nsexec", "--wd", EVIL, "true"],
  ["nsexec", "--root", EVIL, "true"],
  ["nsexec", `--net=${EVIL}/x`, "true"],
  ["nsexec", "--env", EVIL, "true"],
  ["nsexec", "--target", EVIL, "true"],
  ["nsexec", "--kill-child", EVIL, "true"],
  ["nsexec", `--kill-child=${EVIL}`, "true"],
  ["nsexec", "--as", EVIL, "true"],
  ["nsexec", "--map-users", EVIL, "true"],
  ["nsexec", "--setgroups", EVIL, "true"],
  ["nsexec", "--propagation", EVIL, "true"],
  ["nsexec", "--shift", EVIL, "true"],
  ["nsexec", "--mount", "--map-auto", "--shift", EVIL, "true"],
  ["nsexec", "--into-cgroup", EVIL, "true"],
  ["nsexec", "--verbose", EVIL, EVIL],
  ["nsexec", "--verbose", "true", EVIL],
  ["nsexec", "--trace", "true", EVIL],
  ["nsexec", "--trace=json", "true", EVIL],
  ["nsexec", script],
  ["nsexec", file],
  ["nsexec", "-f", script],
  ["cgset", "--name", EVIL, "--make"],
  ["cgset", "--name", EVIL],
  ["cgset", "--name", EVIL, "--", "true"],
  ["cgset", "--name", EVIL, "--rm"],
  ["cgset", "--memory", EVIL, "true"],
  ["cgset", "--name", "x", EVIL, EVIL],
  ["pivot", EVIL, "true"],
  ["pivot", dir, "--", EVIL],
  ["pivot", dir, "--bind", EVIL, "true"],
  ["pivot", dir, "--bind", `${EVIL}:/x`, "true"],
  ["pivot", dir, "--env-file", EVIL, "true"],
  ["pivot", dir, "--env-file", file, "true"],
  ["pivot", dir, "--user", EVIL, "true"],
  ["pivot", dir, "--cwd", EVIL, "true"],
  ["pivot", dir, "--tmpfs", EVIL, "true"],
  ["pid1", "--rewrite", EVIL, "true"],
  ["pid1", "--verbose", "true", EVIL],
  ["confine", "--keep", EVIL, "true"],
  ["confine", "--user", EVIL, "true"],
  ["confine", "--seccomp", EVIL, "true"],
  ["confine", "--seccomp", file, "true"],
  ["confine", "--landlock", EVIL, "true"],
  ["confine", "--ulimit", EVIL, "true"],
  ["hold", EVIL, "true"],
  ["veth", "--bridge", EVIL, "--address", EVIL, "true"],
  ["veth", "--address", EVIL, "true"],
  ...[
    "exec",
    "kill",
    "stop",
    "logs",
    "inspect",
    "wait",
    "rm",
    "pause",
    "attach",
    "stats",
    "update",
    "explain",
    "report",
    "lab",
    "rootfs",
    "list",
    "doctor",
    "gc",
  ].flatMap((command) => [
    ["contain", command, EVIL],
    ["contain", command, EVIL, EVIL],
    ["contain", command, `--${EVIL}`],
  ]),
  ["contain", "run", EVIL],
  ["contain", "run", "--", "/bin/sh", "-c", `exit 3; ${EVIL}`],
  ["contain", "run", "--name", EVIL, "true"],
  ["contain", "run", "--volume", EVIL, "true"],
  ["contain", "run", "--volume", `${EVIL}:/x`, "true"],
  ["contain", "run", "--rootfs", EVIL, "true"],
  ["contain", "run", "--ns", EVIL, "true"],
  ["contain", "run", "--net", EVIL, "true"],
  ["contain", "run", "--userns", EVIL, "true"],
  ["contain", "run", "--hostname", EVIL, "true"],
  ["contain", "run", "--ip", EVIL, "true"],
  ["contain", "run", "--net", "veth", "--publish", EVIL, "true"],
  ["contain", "run", "--net", "veth", "--dns", EVIL, "true"],
  ["contain", "run", "--cidfile", `${EVIL}/x`, "true"],
  ["contain", "run", "--stop-signal", EVIL, "true"],
  ["contain", "run", "--grace", EVIL, "true"],
  ["contain", "run", "--log-size", EVIL, "--detach", "true"],
  ["contain", "run", "--record", `${EVIL}/x`, "true"],
  ["contain", "run", "--json", `${EVIL}/x`, "true"],
  ["contain", "run", "--memory", EVIL, "true"],
  ["contain", "run", "--user", EVIL, "true"],
  ["contain", "run", "--env", EVIL, "true"],
  ["contain", "run", "--env-file", EVIL, "true"],
  ["contain", "run", "--env-file", file, "true"],
  ["contain", "run", "--workdir", EVIL, "true"],
  ["contain", "run", "--tmpfs", EVIL, "true"],
  ["contain", "run", "--cap-add", EVIL, "true"],
  ["contain", "run", "--confine", "--cap-add", EVIL, "true"],
  ["contain", "run", "--confine", "--seccomp", file, "true"],
  ["contain", "run", "--print-chain", "--env", `A=${EVIL}`, "--", "echo", EVIL],
];

const RAW = /[^\P{Cc}\n\t]|\p{Bidi_Control}/u;

test("a quoted word of --print-chain is that word to a shell", () => {
  const { stdout } = run([join(bin, "contain"), "run", "--print-chain", "--", "printf", "%s", EVIL]);
  const quoted = stdout.match(/(?<=printf %s ).*$/m)?.[0] ?? "";
  assert.doesNotMatch(quoted, RAW);
  assert.equal(run(["/bin/sh", "-c", `printf %s ${quoted}`]).stdout, EVIL);
});

describe("a word of the caller's cannot write on the terminal", () => {
  for (const [tool = "", ...words] of CASES)
    test(JSON.stringify([tool, ...words]), () => {
      const { stdout, stderr } = run([join(bin, tool), ...words], { cwd: dir, timeout: 60_000 });
      assert.doesNotMatch(`${stdout}${stderr}`, RAW);
    });
});
