// A part of another tool, run in this process under that tool's name.

import { setName, tracer } from "@contain-tools/kernel";
import { enterLink } from "./become.ts";
import { steps } from "./report.ts";

/** Runs a part of another tool under that tool's name, and takes our own again. */
export function asTool<T>(link: Parameters<typeof enterLink>[0], part: () => T): T {
  const { tool } = tracer;
  const { on, writes } = steps;
  enterLink(link);
  const result = part();
  tracer.tool = tool;
  setName(tool);
  steps.on = on;
  steps.writes = writes;
  return result;
}
