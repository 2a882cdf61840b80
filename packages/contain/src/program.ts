// What is behind the names of the tools. The launcher passes the name, what it noted before the runtime started, then the words.

import { isNative, type Launch, nativeLaunch, parseLaunch, start, type Tool } from "@contain-tools/kernel";
import manifest from "../package.json" with { type: "json" };

/** Starts the program that was called; it and what a chain may name are among `tools`. */
export function startProgram(tools: readonly unknown[]): void {
  if (isNative) {
    startAs(tools, process.argv0.slice(process.argv0.lastIndexOf("/") + 1), process.argv.slice(2), nativeLaunch());
    return;
  }
  const [bin = "", name = "", noted = "", ...words] = process.argv.slice(2);
  startAs(tools, name, words, parseLaunch(bin, noted));
}

function startAs(tools: readonly unknown[], name: string, words: readonly string[], launch: Launch): void {
  start(tools as Tool[], name, words, launch, manifest.version);
}
