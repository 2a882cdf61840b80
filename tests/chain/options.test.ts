// One option table a tool: the help, the page and the parser agree. UPDATE_DOCS=1 writes the tables into the pages.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseArgs } from "node:util";
import { options as cgset } from "../../packages/cgset/src/cli.ts";
import { COMMON, type OptionSpec, type OptionTable, readOptions } from "../../packages/chain/src/options.ts";
import { options as confine } from "../../packages/confine/src/options.ts";
import { COMMANDS } from "../../packages/contain/src/cli.ts";
import { ROOT } from "../../packages/contain/src/command.ts";
import { dockerOptions } from "../../packages/contain/src/run/dockeroptions.ts";
import { instead } from "../../packages/contain/src/run/dockerwords.ts";
import { runOptions } from "../../packages/contain/src/run/options.ts";
import { options as hold } from "../../packages/hold/src/cli.ts";
import { options as nsexec } from "../../packages/nsexec/src/options.ts";
import { options as pid1 } from "../../packages/pid1/src/cli.ts";
import { options as pivot } from "../../packages/pivot/src/options.ts";
import { options as veth } from "../../packages/veth/src/cli.ts";
import { root, run } from "../helpers/run.ts";

const TOOLS = { nsexec, cgset, pivot, pid1, confine, hold, veth };

/** A page for each tool, and for each command of `contain`. */
const PAGES: readonly { readonly argv: readonly string[]; readonly options: OptionTable; readonly file: string }[] = [
  ...Object.entries(TOOLS).map(([tool, options]) => ({ argv: [tool], options, file: `packages/${tool}/README.md` })),
  ...COMMANDS.map(({ name, options }) => ({
    argv: ["contain", name],
    options,
    file: `packages/contain/docs/${{ unpause: "pause", create: "run" }[name] ?? name}.md`,
  })),
];

function row(name: string, spec: OptionSpec): string {
  const value = spec.valueHint ?? "VALUE";
  const long = spec.type === "string" ? `--${name} ${value}` : `--${name}${spec.optionalValue ? `[=${value}]` : ""}`;
  const cell = `${spec.alias ? `\`-${spec.alias}\`, ` : ""}\`${long}\``.replaceAll("|", "\\|");
  return `| ${cell} | ${spec.description.replaceAll("|", "\\|")}${spec.repeat ? "; repeatable" : ""} |`;
}

/** The table of a tool's own options; undefined if it has none. */
function table(options: OptionTable): string | undefined {
  const elsewhere = options === dockerOptions ? {} : dockerOptions; // they have a page of their own
  const own = Object.entries(options).filter(
    ([name, spec]) => !Object.hasOwn(COMMON, name) && !Object.hasOwn(elsewhere, name) && spec !== ROOT,
  );
  if (own.length === 0) return undefined;
  return ["| option | meaning |", "| --- | --- |", ...own.map(([name, spec]) => row(name, spec))].join("\n");
}

const TABLE = /(<!-- options -->\n)[\s\S]*?(<!-- \/options -->)/;

describe("options", () => {
  test("the page of docker's words has their tables", () => {
    const path = join(root, "packages/contain/docs/run-docker.md");
    const same = Object.entries(runOptions).flatMap(([name, { also = [] }]) => also.map((word) => `| \`--${word}\` | \`--${name}\` |`));
    const ways = Object.entries(instead).map(
      ([name, way]) => `| \`-${name.length > 1 ? "-" : ""}${name}\` | ${way.replaceAll("|", "\\|")} |`,
    );
    const page = readFileSync(path, "utf8")
      .replace(TABLE, (_, start: string, end: string) => `${start}${table(dockerOptions)}\n${end}`)
      .replace(
        /(<!-- same -->\n)[\s\S]*?(<!-- \/same -->)/,
        (_, start, end) => `${start}${["| docker's | ours |", "| --- | --- |", ...same].join("\n")}\n${end}`,
      )
      .replace(
        /(<!-- instead -->\n)[\s\S]*?(<!-- \/instead -->)/,
        (_, start, end) => `${start}${["| not here | instead |", "| --- | --- |", ...ways].join("\n")}\n${end}`,
      );
    if (process.env["UPDATE_DOCS"]) writeFileSync(path, page);
    assert.equal(readFileSync(path, "utf8"), page, "run again with UPDATE_DOCS=1");
  });

  for (const { argv, options, file } of PAGES) {
    test(`the page of ${argv.join(" ")} has its usage and its option table`, () => {
      const path = join(root, file);
      const page = readFileSync(path, "utf8");
      assert.match(page, new RegExp(`^    ${argv.join(" ")}( |$)`, "m"));
      const wanted = table(options);
      if (wanted === undefined) return assert.doesNotMatch(page, TABLE);
      assert.match(page, TABLE);
      const updated = page.replace(TABLE, (_, start: string, end: string) => `${start}${wanted}\n${end}`);
      if (process.env["UPDATE_DOCS"]) writeFileSync(path, updated);
      assert.equal(readFileSync(path, "utf8"), updated, "run again with UPDATE_DOCS=1");
    });

    test(`${argv.join(" ")} --help lists every option, and nothing else`, () => {
      const { status, stdout } = run([...argv, "--help"]);
      assert.equal(status, 0);
      const shown = [...stdout.matchAll(/^ {2}(?:-\w, )?--([\w-]+)/gm)].map(([, name = ""]) => name);
      assert.deepEqual(shown.toSorted(), Object.keys(options).toSorted());
      assert.deepEqual(
        stdout.split("\n").filter((line) => line.length > 80),
        [],
      );
      assert.equal(stdout.includes("\u001b"), false, "no colours when it is not a terminal");
    });

    test(`${argv.join(" ")} knows no option that is not in its table`, () => {
      const { status, stderr } = run([...argv, "--no-such-option"]);
      assert.equal(status, 125);
      assert.match(stderr, /unknown option --no-such-option/);
    });

    test(`the options of ${argv.join(" ")} that take a value need one`, () => {
      for (const [name, spec] of Object.entries(options).filter(([, { type }]) => type === "string")) {
        const refuses = (words: readonly string[], why: RegExp) => assert.throws(() => readOptions(options, words), why, name);
        refuses([`--${name}`], new RegExp(`--${name} needs a value`));
        refuses([`--${name}=`], /empty value/);
        if (!spec.repeat) refuses([`--${name}=1`, `--${name}=2`], /given twice/);
      }
    });
  }

  test("a value that is missing, empty or given twice is 125", () => {
    for (const [words, why] of [
      [["--hostname"], /^nsexec: --hostname needs a value/],
      [["--hostname="], /^nsexec: --hostname: .*empty value|empty value/],
      [["--hostname=a", "--hostname=b"], /given twice/],
    ] as const) {
      const { status, stderr } = run(["nsexec", ...words]);
      assert.equal(status, 125);
      assert.match(stderr, why);
    }
  });

  test("the nearest known option is named", () => {
    assert.match(run(["nsexec", "--utz"]).stderr, /did you mean --uts\?/);
    assert.match(run(["contain", "run", "--memry", "5"]).stderr, /did you mean --memory\?/);
  });

  // Every option may be repeated and every flag may have a value, so that only the cutting is compared.
  test("5,000 random command lines are cut as util.parseArgs cuts them", () => {
    const table = {
      flag: { type: "boolean", alias: "f", optionalValue: true, repeat: true, description: "" },
      other: { type: "boolean", alias: "o", optionalValue: true, repeat: true, description: "" },
      text: { type: "string", alias: "t", repeat: true, description: "" },
    } as const satisfies OptionTable;
    const options = {
      flag: { type: "boolean", short: "f", multiple: true },
      other: { type: "boolean", short: "o", multiple: true },
      text: { type: "string", short: "t", multiple: true },
    } as const;
    const pieces = [
      "--flag",
      "--other=x",
      "--text",
      "--text=a=b",
      "-f",
      "-fo",
      "-of",
      "-t",
      "-tv",
      "-oft",
      "-otv",
      "-",
      "--",
      "word",
      "-ft=v",
    ];
    let [compared, refused] = [0, 0];
    for (let seed = 1; seed <= 5000; seed++) {
      let random = seed;
      const next = () => {
        random = (random * 48271) % 0x7fffffff;
        return random;
      };
      next();
      const words = Array.from({ length: next() % 6 }, () => pieces[next() % pieces.length] ?? "");
      const { tokens } = parseArgs({ args: words, options, strict: false, tokens: true });
      const stop = tokens.findIndex(({ kind }) => kind !== "option");
      const wanted = (stop === -1 ? tokens : tokens.slice(0, stop)).flatMap((token) => (token.kind === "option" ? [token] : []));
      if (wanted.some(({ name, value }) => name === "text" && value === undefined)) {
        assert.throws(() => readOptions(table, words), /needs a value/, words.join(" "));
        refused++;
        continue;
      }
      const { given, rest, ended } = readOptions(table, words);
      assert.deepEqual(
        given,
        wanted.map(({ name, value }) => ({ name, value })),
        words.join(" "),
      );
      const end = tokens[stop];
      const from = end === undefined ? words.length : end.kind === "option-terminator" ? end.index + 1 : end.index;
      assert.deepEqual({ rest, ended }, { rest: words.slice(from), ended: end?.kind === "option-terminator" }, words.join(" "));
      compared++;
    }
    assert.ok(compared > 3000 && refused > 50, `${compared} compared, ${refused} refused`);
  });
});
