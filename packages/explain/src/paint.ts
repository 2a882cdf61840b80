// Colour for a person at a terminal: never in what a program, a log or a file gets (https://no-color.org).
import type { OptionSpec, Values } from "@contain-tools/chain";
import { isTerminal, quote, UsageError } from "@contain-tools/kernel";

/** Select graphic rendition (console_codes(4)). */
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export type Style = keyof typeof CODES;
/** Gives the text a style, or leaves it as it is. Paint what is laid out already: the codes have no width on the screen. */
export type Paint = (style: Style | undefined, text: string) => string;

export const COLOR = {
  type: "string",
  valueHint: "auto|always|never",
  description: "auto: on a terminal, without NO_COLOR",
} as const satisfies OptionSpec;

const painted: Paint = (style, text) => (style === undefined || text === "" ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`);
const plain: Paint = (_, text) => text;

/** What the terminal behind a descriptor, and its user, want. */
export function painterFor(fd: number): Paint {
  const { NO_COLOR, TERM = "dumb" } = process.env;
  return !NO_COLOR && TERM !== "dumb" && isTerminal(fd) ? painted : plain;
}

/** For standard output, as --color says. @throws UsageError */
export function painterOf(given: Values<"color">): Paint {
  const when = given.value("color") ?? "auto";
  if (when === "always") return painted;
  if (when === "never") return plain;
  if (when !== "auto") throw new UsageError(`--color ${quote(when)}: must be auto, always or never`);
  return painterFor(1);
}

/** The colour of a container's status. */
export function styleOfStatus(status: string): Style | undefined {
  if (/^dead|\(unhealthy\)|supervisor stopped/.test(status)) return "red";
  if (/^exited/.test(status)) return status.startsWith("exited (0)") ? "dim" : "red";
  return /^running/.test(status) ? "green" : "yellow";
}
