// What is behind the six names. The launcher passes the name, what it noted before the runtime started, then the words.

import { cgset } from "@contain-tools/cgset";
import { confine } from "@contain-tools/confine";
import { isNative, type Launch, nativeLaunch, parseLaunch, start, type Tool } from "@contain-tools/kernel";
import { nsexec } from "@contain-tools/nsexec";
import { pid1 } from "@contain-tools/pid1";
import { pivot } from "@contain-tools/pivot";
import { veth } from "@contain-tools/veth";
import manifest from "../package.json" with { type: "json" };
import type { Subcommand } from "./command.ts";
import { containTool } from "./main.ts";

/** Starts the program that was called, with these commands in `contain`. */
export function startProgram(commands: readonly Subcommand[]): void {
  if (isNative) {
    startAs(process.argv0.slice(process.argv0.lastIndexOf("/") + 1), process.argv.slice(2), nativeLaunch(), commands);
    return;
  }
  const [bin = "", name = "", noted = "", ...words] = process.argv.slice(2);
  startAs(name, words, parseLaunch(bin, noted), commands);
}

function startAs(name: string, words: readonly string[], launch: Launch, commands: readonly Subcommand[]): void {
  const tools = [nsexec, cgset, pivot, pid1, confine, veth, containTool(commands)] as unknown as Tool[];
  start(tools, name, words, launch, manifest.version);
}
