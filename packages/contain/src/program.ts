// What is behind the names of the tools.

import { NO_LAUNCHER, readLaunch, start, type Tool } from "@contain-tools/chain";
import { basename } from "@contain-tools/kernel";
import manifest from "../package.json" with { type: "json" };

/** Starts the program that was called; it and what a chain may name are among `tools`. */
export function startProgram(tools: readonly Tool[]): void {
  const called = readLaunch() ?? { name: basename(process.argv0), launch: NO_LAUNCHER };
  start(tools, called, process.argv.slice(2), manifest.version);
}
