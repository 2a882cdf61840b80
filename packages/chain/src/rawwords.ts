// A program's words and environment as bytes, which need not be UTF-8: the runtime replaces invalid bytes by U+FFFD.
import type { Words } from "@contain-tools/kernel";
import type { Context } from "./context.ts";
import { commandLine, cStrings } from "./launch.ts";

/** Words that end with the last words of our own command line: the bytes of those are read back from /proc. */
export function rawWords(words: readonly string[]): Words {
  if (!words.some((word) => word.includes("\ufffd"))) return words;
  const raw = commandLine().slice(-words.length);
  return words.map((word, i) => {
    const bytes = raw[i - words.length + raw.length];
    return bytes?.toString() === word ? bytes : word;
  });
}

/** NUL-terminated variables by their text; none if all are UTF-8. */
export function rawVariables(block: Buffer): [string, Buffer][] {
  if (!block.toString().includes("\ufffd")) return [];
  return cStrings(block).map((entry) => [entry.toString(), entry]);
}

/** The environment that PROG gets. */
export function environmentOf({ env, rawEnv, consoleSocket }: Context): Words {
  const all = consoleSocket === undefined ? env : { ...env, CONTAIN_CONSOLE: `${consoleSocket}` };
  return Object.entries(all).map(([key, value]) => rawEnv.get(`${key}=${value}`) ?? `${key}=${value}`);
}
