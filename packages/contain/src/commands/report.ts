// `contain report`: what a flight recorder wrote, as a chart in the terminal or as a page.
import { writeFileSync } from "node:fs";
import { type Options, withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { codeOf, exit, ToolError, UsageError, windowSize } from "@contain-tools/kernel";
import { draw, modelOf, pageOf, readRecording } from "@contain-tools/record";
import { subcommand } from "../command.ts";

const COLUMNS = 100; // where there is no terminal

const reportOptions = withCommon({
  output: { type: "string", alias: "o", valueHint: "FILE", description: "write one page of HTML there, which needs no network" },
});

export const reportCommand = subcommand({
  name: "report",
  description: "Show what `contain run --record FILE` recorded",
  usage: "FILE",
  options: reportOptions,
  plan(given: Options<"output">) {
    const [file, more] = given.rest;
    if (file === undefined) throw new UsageError("missing file", "contain report FILE [-o out.html]");
    if (more !== undefined) throw new UsageError(`unexpected argument: ${more}`, "this command takes one record");
    const output = given.value("output");
    return () => {
      const model = modelOf(readRecording(file));
      if (output === undefined) print(draw(model, windowSize(1)?.columns || COLUMNS));
      else if (output === "-") print(pageOf(model));
      else writePage(output, pageOf(model));
      return exit(0);
    };
  },
});

function writePage(path: string, page: string): void {
  try {
    writeFileSync(path, page);
  } catch (error) {
    throw new ToolError(`--output ${path}: cannot be written: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
}
