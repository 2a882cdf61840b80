// What is behind the names of the tools. The launcher passes the name, what it noted before the runtime started, then the words.

import { isNative, type Launch, nativeLaunch, parseLaunch, start, type Tool } from "@contain-tools/kernel";
import manifest from "../package.json" with { type: "json" };

/** Starts the program that was called; it and what a chain may name are among `tools`. */
export function startProgram(tools: readonly unknown[]): void {
  const words = process.argv.slice(2);
  if (isNative) startAs(process.argv0.slice(process.argv0.lastIndexOf("/") + 1), words, nativeLaunch());
  else {
    const [bin = "", name = "", noted = "", ...rest] = words;
    startAs(name, rest, parseLaunch(bin, noted));
  }

  function startAs(name: string, words: readonly string[], launch: Launch): void {
    start(tools as Tool[], name, words, launch, manifest.version);
  }
}
