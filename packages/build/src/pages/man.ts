// Manual pages (man(7)) from the option tables that also drive parsing and --help.
import { type Command, type OptionSpec, type OptionTable, optionGroups } from "@contain-tools/chain";

export interface Page extends Command {
  readonly options: OptionTable;
  /** Pages to read next, without the section. */
  readonly seeAlso: readonly string[];
  /** Other names of a command. */
  readonly also?: readonly string[];
}

/** The text of section 1's page of a command; the name of `contain run` is contain-run. */
export function manPage(page: Page, version: string): string {
  const name = page.name.replace(" ", "-");
  const groups = optionGroups(page, page.options).flatMap(([title, table]) => [
    `.SS ${escaped(title)}`,
    ...Object.entries(table).flatMap(([option, spec]) => optionLines(option, spec)),
  ]);
  const commands = Object.entries(page.subCommands ?? {}).flatMap(([command, text]) => [
    `.TP`,
    `.BR ${name}\\-${command} (1)`,
    sentence(text),
  ]);
  const examples = (page.examples ?? []).flatMap((line) => [".PP", ".RS 4", ".EX", literal(line), ".EE", ".RE"]);
  return [
    `.TH ${name.toUpperCase()} 1 "" "contain ${version}" "User Commands"`,
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(page.description)}`,
    ".SH SYNOPSIS",
    `.B ${escaped(page.name)}`,
    `[OPTIONS] ${escaped(page.usage)}`.trimEnd(),
    ...(commands.length > 0 ? [".SH COMMANDS", ...commands] : []),
    ".SH OPTIONS",
    ...groups,
    ...(examples.length > 0 ? [".SH EXAMPLES", ...examples] : []),
    ".SH EXIT STATUS",
    "The program's own; 128+n when signal n ended it; 127 not found; 126 found, but cannot be executed; 125 for a failure before it started.",
    ".SH SEE ALSO",
    page.seeAlso.map((other) => `.BR ${escaped(other)} (1)`).join(",\n"),
    "",
  ].join("\n");
}

function optionLines(name: string, { type, alias, valueHint = "VALUE", optionalValue, description, repeat }: OptionSpec): string[] {
  const value = type === "string" ? ` \\fI${escaped(valueHint)}\\fR` : optionalValue ? `[=\\fI${escaped(valueHint)}\\fR]` : "";
  const letter = alias === undefined ? "" : `\\fB\\-${alias}\\fR, `;
  return [
    ".TP",
    `${letter}\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR${value}`,
    `${sentence(description)}${repeat ? " Repeatable." : ""}`,
  ];
}

const sentence = (text: string) => `${escaped(text.charAt(0).toUpperCase() + text.slice(1))}.`;

/** Text in which nothing is a request or an escape of roff. */
function escaped(text: string): string {
  const safe = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll("…", "...") // a terminal without UTF-8 has no character for it
    .replaceAll("µ", "\\(mc");
  return safe.replace(/^([.'])/, "\\&$1");
}

const literal = (text: string) => escaped(text);
