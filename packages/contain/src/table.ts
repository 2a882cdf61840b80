// Text in columns, safe to show: names and command lines come from others.

/** Without the control characters by which a command line could rewrite the terminal, and not wider than `most`. */
export function printable(text: string, most = 60): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "?");
  const letters = [...clean];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : clean;
}

/** Rows in columns as wide as their widest cell; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const clean = rows.map((row) => row.map((cell) => printable(cell)));
  const width = (i: number) => Math.max(...clean.map((row) => [...(row[i] ?? "")].length));
  const widths = (clean[0] ?? []).map((_, i) => width(i));
  return clean.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0))).join("  "));
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - [...text].length));
}
