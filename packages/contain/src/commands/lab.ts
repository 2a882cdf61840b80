// `contain lab`: production failures, each staged in a container and explained.
import { cgset } from "@contain-tools/cgset";
import { withCommon } from "@contain-tools/chain";
import { columns, print } from "@contain-tools/explain";
import { exit, isTerminal, jsonText, UsageError } from "@contain-tools/kernel";
import { checkNeeds, LABS, play } from "@contain-tools/labs";
import { subcommand } from "../command.ts";

const labOptions = withCommon({
  list: { type: "boolean", description: "name the labs and end" },
  yes: { type: "boolean", alias: "y", description: "ask nothing: print the question and go on" },
  json: { type: "boolean", description: "one JSON object: the checks, the evidence, the reason" },
});

export const lab = subcommand({
  name: "lab",
  description: "Stage a production failure in a container, predict it, see why",
  usage: "[NAME]",
  options: labOptions,
  plan(given, chain) {
    const [name, more] = given.rest;
    if (more !== undefined) throw new UsageError(`unexpected argument: ${more}`, "this command takes one lab");
    if (name !== undefined && given.has("list")) throw new UsageError("--list takes no lab");
    if (name === undefined) return () => list(given.has("json"), given.has("list"));
    const found = LABS.find((candidate) => candidate.name === name);
    if (found === undefined) throw new UsageError(`no such lab: ${name}`, `the labs are ${LABS.map((one) => one.name).join(", ")}`);
    const { plan: example } = chain.link(cgset, ["cgset", "--name", "contain-lab", "--make"]);
    const json = given.has("json");
    const ask = !json && !given.has("yes") && isTerminal(0) && isTerminal(1);
    return () => exit(play(found, { context: chain.context, ask, json, checkNeeds: () => checkNeeds(found.needs, example) }));
  },
});

function list(json: boolean, only: boolean): never {
  if (json) print(LABS.map(({ name, title, needs }) => `${jsonText({ name, title, needs })}\n`).join(""));
  else print(`${columns(LABS.map(({ name, title }) => [name, title])).join("\n")}\n`);
  if (!json && !only) print("\n`contain lab NAME` stages one: a question first, then what happens, and why.\n");
  return exit(0);
}
