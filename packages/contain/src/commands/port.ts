// `contain port`: which port of the host leads to which port of the container.
import { withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { exit } from "@contain-tools/kernel";
import { readPublished } from "@contain-tools/pasta";
import { subcommand } from "../command.ts";
import { readRunning } from "./container.ts";

export const port = subcommand({
  name: "port",
  description: "List the published ports of a container",
  usage: "ID",
  options: withCommon({}),
  plan(given) {
    const { network } = readRunning(given.rest);
    return () => {
      const lines = readPublished(network?.publish ?? []).map(
        ({ port: inside, protocol, host }) => `${inside}/${protocol} -> ${host.ip}:${host.port}\n`,
      );
      print(lines.join(""));
      return exit(0);
    };
  },
});
