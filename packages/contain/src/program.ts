// Starts a tool by its name.

import { NO_LAUNCHER, readLaunch, start, type Tool } from "@contain-tools/chain";
import { basename } from "@contain-tools/kernel";
import manifest from "../package.json" with { type: "json" };

/** Starts the tool that was called; `tools` has every tool that a chain may name. */
export function startProgram(tools: readonly Tool[]): void {
  const called = readLaunch() ?? { name: basename(process.argv0), launch: NO_LAUNCHER };
  start(tools, called, process.argv.slice(2), manifest.version);
}
