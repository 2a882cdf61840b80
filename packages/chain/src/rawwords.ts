// The words and the environment of a program as bytes, which need not be UTF-8.
import { consoleSocket, type Words } from "@contain-tools/kernel";
import { commandLine, cStrings } from "./launch.ts";
import { payload } from "./payload.ts";

/**
 * argv and the environment are not always UTF-8, and the runtime has put U+FFFD where they are not. The payload's words are the
 * last ones of our own command line, so their bytes can be had back from /proc; to be called before pivot_root covers it.
 */
export function keepRawBytes(argv: readonly string[]): void {
  if (argv.some((word) => word.includes("\ufffd"))) rawArgv = commandLine();
  if (Object.entries(payload.env).some((entry) => entry.join().includes("\ufffd"))) {
    const { environment = Buffer.alloc(0) } = payload.launch;
    rawEnv = new Map(cStrings(environment).map((entry) => [entry.toString("utf8"), entry]));
  }
}

/** The same for variables that come from elsewhere. */
export function keepRawVariables(entries: readonly Buffer[]): void {
  rawEnv = new Map([...(rawEnv ?? []), ...entries.map((entry) => [entry.toString("utf8"), entry] as const)]);
}

let rawArgv: Buffer[] | undefined;
let rawEnv: ReadonlyMap<string, Buffer> | undefined;

/** The words and the environment that PROG gets. */
export function wordsFor(argv: readonly string[]): { words: Words; env: Words } {
  return { words: rawArgv === undefined ? argv : rawArgv.slice(-argv.length), env: environment() };
}

export function environment(): Words {
  const env = consoleSocket.fd === -1 ? payload.env : { ...payload.env, CONTAIN_CONSOLE: `${consoleSocket.fd}` };
  return Object.entries(env).map(([key, value]) => rawEnv?.get(`${key}=${value}`) ?? `${key}=${value}`);
}
