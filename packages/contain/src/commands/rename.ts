// `contain rename`: another name.
import { withCommon } from "@contain-tools/chain";
import { exit, UsageError } from "@contain-tools/kernel";
import { noteEvent, withName, writeName } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { checkName } from "../run/names.ts";
import { readContainer } from "./container.ts";

export const rename = subcommand({
  name: "rename",
  description: "Give a container another name",
  usage: "ID NAME",
  options: withCommon({}),
  plan(given) {
    const [word, name, ...more] = given.rest;
    if (name === undefined || more.length > 0)
      throw new UsageError(name === undefined ? "missing name" : `unexpected argument: ${more[0]}`, "contain rename ID NAME");
    const { id } = readContainer(word === undefined ? [] : [word]);
    checkName("rename", name);
    return () => {
      withName(name, () => writeName(id, name));
      noteEvent(id, "rename");
      return exit(0);
    };
  },
});
