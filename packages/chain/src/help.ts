// --help, as wide as the terminal, from the option tables. citty makes the list of commands.
import type { Command } from "./link.ts";
import { COMMON, type OptionSpec, type OptionTable } from "./options.ts";

const NARROWEST = 40; // columns; less cannot be read
const WIDTH = 80;
const INDENT = 28; // columns in front of a description

/** The help of a command, in COLUMNS columns (80 if that is smaller or not set). */
export async function renderHelp(command: Command, options: OptionTable, version: string): Promise<string> {
  const width = Math.max(Number(process.env["COLUMNS"]) || process.stdout.columns || WIDTH, NARROWEST);
  const sections = optionGroups(command, options).map(([title, table]) =>
    [`${title}:`, ...Object.entries(table).map(([name, spec]) => optionLines(name, spec, width))].join("\n"),
  );
  const examples = command.examples ?? [];
  return [
    [
      ...wrap(`Usage: ${command.name} [OPTIONS] ${command.usage}`.trimEnd(), width, 7),
      "",
      ...wrap(`${command.description}.`, width, 0),
    ].join("\n"),
    ...(command.subCommands === undefined ? [] : [await commandList(command.subCommands, width)]),
    ...sections,
    ...(examples.length > 0 ? [["Examples:", ...examples.map((line) => `  ${line}`)].join("\n")] : []),
    ...(command.subCommands === undefined
      ? []
      : [`\`${command.name} COMMAND --help\` describes a command; man ${command.name} (${version}) of all.`]),
  ].join("\n\n");
}

/** The options of a command by subject, in the order of its help. */
export function optionGroups(command: Command, options: OptionTable): readonly (readonly [string, OptionTable])[] {
  const groups = Object.entries(command.groups ?? {});
  const isGrouped = (name: string) => groups.some(([, table]) => Object.hasOwn(table, name));
  const isCommon = (name: string) => Object.hasOwn(COMMON, name);
  const only = (wanted: (name: string) => boolean) => Object.fromEntries(Object.entries(options).filter(([name]) => wanted(name)));
  const tables: (readonly [string, OptionTable])[] = [
    ...groups,
    [groups.length > 0 ? "Others" : "Options", only((name) => !isGrouped(name) && !isCommon(name))],
    ["Common options", only(isCommon)],
  ];
  return tables.filter(([, table]) => Object.keys(table).length > 0);
}

/** The form of an option: `-v, --volume SRC:DST[:ro]`. */
function optionForm(name: string, { type, alias, valueHint = "VALUE", optionalValue }: OptionSpec): string {
  const value = type === "string" ? ` ${valueHint}` : optionalValue ? `[=${valueHint}]` : "";
  return `${alias === undefined ? "" : `-${alias}, `}--${name}${value}`;
}

function optionLines(name: string, spec: OptionSpec, width: number): string {
  const form = `  ${optionForm(name, spec)}`;
  const [first = "", ...more] = wrap(`${" ".repeat(INDENT)}${spec.description}`, width, INDENT);
  const lines = form.length + 2 > INDENT ? [form, first, ...more] : [form + first.slice(form.length), ...more];
  return lines.join("\n");
}

/** Wraps at blanks, otherwise after commas; continuation lines begin with `indent` blanks. */
function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(" ", width);
    const cut = blank > indent ? blank : rest.lastIndexOf(",", width - 1) + 1;
    if (cut <= indent) break;
    lines.push(rest.slice(0, cut));
    rest = " ".repeat(indent) + rest.slice(cut).trimStart();
  }
  return [...lines, rest];
}

async function commandList(subCommands: Readonly<Record<string, string>>, width: number): Promise<string> {
  process.env["NO_COLOR"] = "1"; // citty reads this once, when loaded; its colour codes would count as letters
  const { renderUsage } = await import("citty");
  const commands = Object.entries(subCommands).map(([name, description]) => [name, { meta: { name, description } }] as const);
  const text = await renderUsage({ subCommands: Object.fromEntries(commands) });
  const lines = text.split("\n").filter((line) => /^\s+\S+\s{2,}\S/.test(line));
  return ["Commands:", ...lines.flatMap((line) => wrap(line.trimEnd(), width, line.search(/(?<=\S\s\s+)\S/)))].join("\n");
}
