// Text in columns.
import { shortened } from "@contain-tools/kernel";

const WIDEST = 60; // of a cell

/** Rows in columns as wide as their widest cell; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const clean = rows.map((row) => row.map((cell) => shortened(cell, WIDEST)));
  const width = (i: number) => Math.max(...clean.map((row) => [...(row[i] ?? "")].length));
  const widths = (clean[0] ?? []).map((_, i) => width(i));
  return clean.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0))).join("  "));
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - [...text].length));
}
