// JSON with whole numbers of any size: a limit of 2^64-1 must be written exactly.

/** Indented by two spaces. */
export function jsonOf(value: unknown, indent = ""): string {
  if (typeof value === "bigint") return `${value}`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value))
    return braced(
      "[",
      value.map((item) => jsonOf(item, inner)),
      "]",
      indent,
    );
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return braced(
    "{",
    entries.map(([key, item]) => `${JSON.stringify(key)}: ${jsonOf(item, inner)}`),
    "}",
    indent,
  );
}

/** A short list without lists in it stays on one line. */
function braced(open: string, items: readonly string[], close: string, indent: string): string {
  const line = open === "[" ? `[${items.join(", ")}]` : `{ ${items.join(", ")} }`;
  if (items.length === 0) return `${open}${close}`;
  if (line.length <= 100 && !items.some((item) => item.includes("\n") || /^[[{]/.test(item))) return line;
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(",\n")}\n${indent}${close}`;
}
