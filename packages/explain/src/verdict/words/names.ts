// A name that could not be resolved: the container's resolv.conf, and whether anybody can answer at its addresses.
import type { Evidence, Finding } from "@contain-tools/chain";
import { tryRead } from "@contain-tools/kernel";
import { nameServersIn, nobodyAnswers } from "../../network/resolver.ts";
import { holdersOf } from "../../network/sockets.ts";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";

const UNRESOLVED =
  /temporary failure in name resolution|could not resolve host|bad address '|name or service not known|eai_again|temporary error .*resolving|unable to resolve host|no such host/i;

export const isUnresolved = (line: string) => UNRESOLVED.test(line);

export function judgeName({ seen: { mounts }, made }: Case, line: string, said: Evidence): Finding[] {
  const reading = mounts?.inside(() => tryRead("/etc/resolv.conf"));
  if (reading === undefined || reading === null) return [];
  const wrote = `it wrote ${JSON.stringify(line)}`;
  const rule = "resolv.conf(5)";
  if ("problem" in reading) {
    const evidence = { source: "/etc/resolv.conf, inside", value: undefined, problem: reading.problem, rule };
    return [
      hint(
        "no-resolver",
        `${wrote}: it cannot read an /etc/resolv.conf (${reading.problem}), and then asks 127.0.0.1`,
        [said, evidence],
        "--dns IP with --net veth, or a /etc/resolv.conf in the root",
      ),
    ];
  }
  const found = nobodyAnswers(nameServersIn(reading.text), made.includes("net") ? "own" : "shared", (port) =>
    holdersOf(port).map(({ address }) => address),
  );
  if (found === undefined) return [];
  const evidence = { source: "/etc/resolv.conf, inside", value: nameServersIn(reading.text).join(" ") || "no nameserver", rule };
  return [
    hint("no-resolver", `${wrote}: ${found}`, [said, evidence], "--dns IP with --net veth, or another nameserver in /etc/resolv.conf"),
  ];
}
