import type { Context } from "@contain-tools/chain";
import { shellQuote } from "@contain-tools/kernel";
import { describePublished } from "@contain-tools/pasta";
import type { RunPlan } from "./plan.ts";

/** The chain as a script that does the same when pasted into a shell. */
export function chainScript(context: Context, { cidfile, detach, id, network }: RunPlan, argvs: NonNullable<RunPlan["argvs"]>): string {
  const lines = script(context, [
    ...(cidfile === undefined ? [] : [`(set -C; printf %s ${id} >${scriptQuote(cidfile)}) || exit 125`]),
    ...(argvs.make.length > 0 ? [`${shellLine(argvs.make)} || exit`] : []),
    ...supervisorsPart(network),
    shellLine(argvs.run),
    ...(argvs.remove.length > 0 ? ["status=$?", shellLine(argvs.remove), "exit $status"] : []),
  ]);
  return detach ? `${lines.trimEnd()} <&- >contain-${id}.log 2>&1 &\n` : lines;
}

/** Steps that no tool of the chain does. */
function supervisorsPart(network: RunPlan["network"]): string[] {
  if (network === undefined) return [];
  if (network.by === "pasta") return ["# /etc/hosts and /etc/resolv.conf are the rootfs's own"];
  return [
    "# this address is not reserved for the script, and the bridge stays; /etc/hosts and /etc/resolv.conf are the rootfs's own",
    ...network.publish.map((wanted) => `# contain run forwards ${describePublished(wanted)}; the script does not`),
    ...(network.nat ? ["# contain run makes the masquerade rule; the script does not"] : []),
  ];
}

/** One argv as such a script. */
export function scriptOf(context: Context, argv: readonly string[]): string {
  return script(context, [shellLine(argv)]);
}

const shellLine = (argv: readonly string[]) => argv.map(scriptQuote).join(" ");

/** A word whose control characters are left to printf(1). */
function scriptQuote(word: string): string {
  const octal = (char: string) => [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return shellQuote(word).replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `'"$(printf '${octal(char)}')"'`);
}

function script({ launch }: Context, lines: readonly string[]): string {
  const path = launch.bin === undefined ? [] : [`PATH=${shellQuote(launch.bin)}:"$PATH"`];
  return `(\n${[...path, ...lines].map((text) => `  ${text}\n`).join("")})\n`;
}
