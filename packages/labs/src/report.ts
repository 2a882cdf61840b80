// Reads the report of the end from `contain run --json FILE`.
import { readIfThere } from "@contain-tools/kernel";
import type { Stage } from "./stage.ts";

/** Keeps a figure of the report's `usage` as evidence. Undefined if the kernel has no such file. */
export function reportedNumber(stage: Stage, file: string, key: string, rule: string): number | undefined {
  const value = usageOf(file)[key];
  stage.note(`${file} usage.${key}`, typeof value === "number" ? `${value}` : undefined, rule);
  return typeof value === "number" ? value : undefined;
}

function usageOf(file: string): Readonly<Record<string, unknown>> {
  const report: unknown = JSON.parse(readIfThere(file) || "{}");
  const usage = typeof report === "object" && report !== null && "usage" in report ? report.usage : undefined;
  return typeof usage === "object" && usage !== null ? { ...usage } : {};
}
