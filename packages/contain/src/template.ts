// --format: `json`, or docker's Go templates as far as fields go: {{.ID}}, {{.State.Status}}, {{json .Config}}, and `table` before them.
import { columns } from "@contain-tools/explain";
import { jsonText, printable, UsageError } from "@contain-tools/kernel";

export const FORMAT = {
  type: "string",
  valueHint: "json|TEMPLATE",
  description: 'json, or a template with fields as in docker: "{{.ID}}\\t{{.Names}}"',
} as const;

/** The fields of one thing by name; objects for names with dots. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws UsageError for an unknown field, and for anything but a field */
export function fill(template: string, fields: Fields): string {
  if (template === "json") return jsonText(fields);
  return unescaped(template).replace(/\{\{(.*?)\}\}/g, (whole, inner: string) => {
    const [, json, path = ""] = /^\s*(json\s+)?((?:\.\w+)+|\.)\s*$/.exec(inner) ?? [];
    if (path === "") throw new UsageError(`--format: ${whole} is not a field`, "{{.NAME}}, {{.NAME.NAME}} or {{json .NAME}}");
    const value =
      path === "."
        ? fields
        : path
            .slice(1)
            .split(".")
            .reduce((at, name) => step(at, name, path), fields as unknown);
    return json !== undefined || typeof value === "object" ? jsonText(value) : printable(String(value));
  });
}

/** For a template that may be applied to nothing. @throws UsageError for a field that is not in `known` */
export function checkFormat(format: string | undefined, known: readonly string[]): void {
  if (format === undefined || format === "json") return;
  const fields = Object.fromEntries(known.map((name) => [name, {}]));
  const [, template = ""] = /^(?:table\s+)?(.*)$/s.exec(format) ?? [];
  fill(template.replace(/(\{\{\s*(?:json\s+)?\.\w+)[.\w]*/g, "$1"), fields);
}

/** One line for each; with `table` before the template also a heading, and columns. */
export function fillAll(template: string, rows: readonly Fields[]): string {
  const table = /^table\s+(.*)$/s.exec(template)?.[1];
  if (table === undefined) return rows.map((row) => `${fill(template, row)}\n`).join("");
  const head = unescaped(table).replace(/\{\{\s*(?:json\s+)?\.?(.*?)\s*\}\}/g, (_, name: string) =>
    name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase(),
  );
  return columns([head, ...rows.map((row) => fill(table, row))].map((line) => line.split("\t")))
    .map((line) => `${line}\n`)
    .join("");
}

const unescaped = (text: string) => text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");

function step(at: unknown, name: string, path: string): unknown {
  if (typeof at === "object" && at !== null && Object.hasOwn(at, name)) return (at as Fields)[name] ?? "";
  const known = typeof at === "object" && at !== null ? Object.keys(at).join(", ") : "none";
  throw new UsageError(`--format: there is no field ${path}`, `there are ${known}`);
}
