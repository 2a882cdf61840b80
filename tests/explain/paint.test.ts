// Colour: on a terminal whose user wants it, and nowhere else; tables keep their columns.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { columns, paintTable } from "../../packages/explain/src/table.ts";
import { need } from "../helpers/need.ts";
import { bin, run } from "../helpers/run.ts";

const ESCAPE = "\u001b[";
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is taken out
const without = (text: string) => text.replace(/\u001b\[\d*m/g, "");

describe("colour", () => {
  const words = ["contain", "explain", "errno", "EPERM", "mount"];
  const plain = run(words).stdout;

  test("only where standard output is a terminal, and neither NO_COLOR nor TERM=dumb is set", need("script"), () => {
    for (const [env, more, wanted] of [
      [{ TERM: "xterm" }, "", true],
      [{ TERM: "xterm", NO_COLOR: "" }, "", true],
      [{ TERM: "xterm", NO_COLOR: "1" }, "", false],
      [{ TERM: "dumb" }, "", false],
      [{ TERM: undefined }, "", false],
      [{ TERM: "xterm" }, "--color never", false],
      [{ TERM: "xterm" }, "--json", false],
      [{ TERM: "dumb", NO_COLOR: "1" }, "--color=always", true],
    ] as const) {
      const said = run(["script", "-qec", `${bin}/${words.join(" ")} ${more}`, "/dev/null"], {
        env: { NO_COLOR: undefined, ...env },
      }).stdout;
      assert.equal(said.includes(ESCAPE), wanted, `${JSON.stringify(env)} ${more}`);
      if (more !== "--json") assert.equal(without(said).replaceAll("\r", ""), plain);
    }
  });

  test("--color, and what it must be", () => {
    assert.equal(plain.includes(ESCAPE), false);
    assert.ok(run([...words, "--color", "always"]).stdout.includes(ESCAPE));
    assert.equal(run([...words, "--color", "always", "--json"]).stdout.includes(ESCAPE), false);
    const { status, stderr } = run(["contain", "doctor", "--color", "some"]);
    assert.deepEqual([status, stderr], [125, 'contain: --color "some": must be auto, always or never\n']);
  });

  test("the verdict: where standard error is a terminal", need("root", "script"), () => {
    for (const [to, wanted] of [
      ["", true],
      ["2>&1 | cat", false],
    ] as const) {
      const { stdout } = run(["script", "-qec", `${bin}/contain run -- sh -c 'exit 3' ${to}`, "/dev/null"], {
        env: { TERM: "xterm", NO_COLOR: undefined },
      });
      assert.match(without(stdout), /^\[contain\] verdict: PID 1 \(sh\) exited with 3 by itself\r$/m);
      assert.equal(stdout.includes(ESCAPE), wanted);
    }
  });

  test("a table's columns stay where they were, and what a cell says is no colour", () => {
    const rows = [
      ["ID", "STATUS", "COMMAND"],
      ["a", "exited (1)", `x ${ESCAPE}31m`],
      ["äö", "-", "y"],
    ];
    const paint = (_: unknown, text: string) => `${ESCAPE}1m${text}${ESCAPE}0m`;
    const painted = columns(
      rows,
      paintTable(rows[0] ?? [], paint, () => "red"),
    );
    assert.deepEqual(painted.map(without), columns(rows));
    assert.equal(columns(rows).join().includes(ESCAPE), false);
  });
});
