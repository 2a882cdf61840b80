// `contain doctor`: what this host can do for containers, as a table with reasons and fixes. Nothing is changed.
import { dirname } from "node:path";
import { cgset, locate } from "@contain-tools/cgset";
import { withCommon } from "@contain-tools/chain";
import type { Check } from "@contain-tools/explain";
import {
  COLOR,
  callChecks,
  cgroupChecks,
  engineChecks,
  idChecks,
  leftoverChecks,
  mountChecks,
  namespaceChecks,
  painterOf,
  print,
  showChecks,
  traceChecks,
} from "@contain-tools/explain";
import { exit, jsonText } from "@contain-tools/kernel";
import manifest from "../../package.json" with { type: "json" };
import { checkNoWords, subcommand } from "../command.ts";

const doctorOptions = withCommon({
  json: { type: "boolean", description: "one JSON object a line, with every file that was read" },
  color: COLOR,
});

export const doctor = subcommand({
  name: "doctor",
  description: "Show what this host can do for containers, and how to fix what it cannot",
  usage: "",
  options: doctorOptions,
  plan(given, chain) {
    checkNoWords(given);
    const paint = painterOf(given);
    const { plan: example } = chain.link(cgset, ["cgset", "--name", "contain-doctor", "--make"]);
    return () => {
      const checks = examine((hierarchy) => dirname(locate(example, hierarchy)));
      print(given.has("json") ? checks.map((one) => `${jsonText(one)}\n`).join("") : showChecks(checks, paint));
      return exit(0);
    };
  },
});

function examine(parentGroup: Parameters<typeof cgroupChecks>[0]): Check[] {
  const [kernel, ...calls] = callChecks();
  return [
    ...(kernel === undefined ? [] : [kernel]),
    ...idChecks(),
    ...namespaceChecks(),
    ...mountChecks(),
    ...cgroupChecks(parentGroup),
    ...calls,
    ...engineChecks(manifest.version),
    ...traceChecks(),
    ...leftoverChecks(),
  ];
}
