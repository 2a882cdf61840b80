// The command line, as of runc and crun: options before the command, and after it among its words.
import { OciError } from "./failure.ts";

/** An option by name: whether it takes a value. A one-letter `n` is another form of the name it stands for. */
export type Table = Readonly<Record<string, "value" | "flag" | { readonly short: string }>>;

export interface Words {
  readonly has: (name: string) => boolean;
  /** The last one given. */
  readonly value: (name: string) => string | undefined;
  readonly all: (name: string) => readonly string[];
  readonly rest: readonly string[];
}

/** @param mixed options may follow other words; otherwise everything after the first word belongs to a program. @throws OciError */
export function readWords(table: Table, words: readonly string[], mixed: boolean): Words {
  const given = new Map<string, string[]>();
  const rest: string[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      at++;
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (!mixed) break;
      rest.push(word);
      continue;
    }
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    const option = typeof row === "object" ? row.short : name;
    const kind = typeof row === "object" ? table[option] : row;
    if (kind === undefined) throw new OciError(`unknown option: ${word}`);
    if (kind === "flag" && value !== undefined && value !== "true" && value !== "false")
      throw new OciError(`--${option}=${value}: takes no value`);
    if (kind === "flag" && value === "false") continue;
    const text = kind === "flag" ? "" : (value ?? words[++at]);
    if (text === undefined) throw new OciError(`--${option}: missing value`);
    given.set(option, [...(given.get(option) ?? []), text]);
  }
  rest.push(...words.slice(at));
  return { has: (name) => given.has(name), value: (name) => given.get(name)?.at(-1), all: (name) => given.get(name) ?? [], rest };
}

/** The one word of a command: the container. */
export function idOf({ rest: [id, extra] }: Words): string {
  if (id === undefined) throw new OciError("missing container ID");
  if (extra !== undefined) throw new OciError(`unexpected argument: ${extra}`);
  return id;
}
