// Text in columns.
import { shortened } from "@contain-tools/kernel";
import type { Paint, Style } from "./paint.ts";

const WIDEST = 60; // of a cell

/** Rows in columns as wide as their widest cell; the last column is not padded. */
export function columns(
  rows: readonly (readonly string[])[],
  paint: (cell: string, row: number, column: number) => string = (cell) => cell,
): string[] {
  const clean = rows.map((row) => row.map((cell) => shortened(cell, WIDEST)));
  const width = (i: number) => Math.max(...clean.map((row) => [...(row[i] ?? "")].length));
  const widths = (clean[0] ?? []).map((_, i) => width(i));
  return clean.map((row, at) =>
    row.map((cell, i) => paint(cell, at, i) + " ".repeat(i === row.length - 1 ? 0 : (widths[i] ?? 0) - [...cell].length)).join("  "),
  );
}

/** Paints a table that has a heading, by column names. */
export function paintTable(head: readonly string[], paint: Paint, styleOf: (name: string, cell: string, row: number) => Style | undefined) {
  return (cell: string, row: number, column: number) => paint(row === 0 ? "bold" : styleOf(head[column] ?? "", cell, row - 1), cell);
}
