// `contain cp`: copies files into a container and out of it.
import { type Options, withCommon } from "@contain-tools/chain";
import { isTerminal, UsageError } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { openRoot, readSide, textOfSide } from "../copy/sides.ts";

const cpOptions = withCommon({
  archive: {
    type: "boolean",
    alias: "a",
    description: "keep owners and set-user-ID; otherwise the files are root's inside, and yours outside",
  },
  "follow-link": { type: "boolean", alias: "L", description: "if the source is a symbolic link, copy its target" },
  quiet: { type: "boolean", alias: "q", description: "accepted: nothing is reported" },
});

export const cp = subcommand({
  name: "cp",
  description: "Copy files between a running container and the host",
  usage: "ID:PATH PATH|-, PATH|- ID:PATH",
  options: cpOptions,
  examples: ["contain cp web:/etc/hosts .", "contain cp web:/var/log - | tar -t", "contain cp ./app/. web:/srv"],
  plan(given: Options<keyof typeof cpOptions>) {
    const [source, target, ...more] = given.rest;
    if (source === undefined || target === undefined || more.length > 0)
      throw new UsageError(
        target === undefined ? "missing path" : `unexpected argument: ${more[0]}`,
        "contain cp ID:PATH PATH, or contain cp PATH ID:PATH",
      );
    const [from, to] = [readSide(source), readSide(target)];
    const sides = [from, to].filter(({ container }) => container !== undefined);
    if (sides.length !== 1)
      throw new UsageError(
        sides.length === 0 ? `neither ${source} nor ${target} is in a container` : `${source} and ${target} are both in containers`,
        sides.length === 0 ? "a path in a container is written ID:PATH" : `contain cp ${textOfSide(from)} - | contain cp - ID:DIR`,
      );
    for (const side of sides) openRoot(side); // it runs
    if (to.path === "-" && isTerminal(1))
      throw new UsageError("a tar is not written to a terminal", `contain cp ${textOfSide(from)} - | tar -x`);
    return async () => {
      const { copy } = await import("../copy/copy.ts");
      return copy({ from, to, archive: given.has("archive"), follow: given.has("follow-link") });
    };
  },
});
