// The environment inside: --env and --env-file, in the order of the command line.
import { type Context, readGiven, variables } from "@contain-tools/chain";
import { quote, UsageError } from "@contain-tools/kernel";

/** A variable. Without a value it takes our caller's; if there is none, it is removed. */
export interface Variable {
  readonly name: string;
  readonly value: string | undefined;
}

/** A file that can be read only after the earlier links have acted. */
export interface EnvFile {
  readonly file: string;
}

/** `NAME=VALUE` or `NAME`. @throws UsageError */
export function readVariable(text: string): Variable {
  const [name = "", ...rest] = text.split("=");
  if (name === "") throw new UsageError(`--env ${quote(text)}: must be NAME=VALUE, or NAME for the caller's value`);
  return { name, value: rest.length > 0 ? rest.join("=") : undefined };
}

/**
 * A file as docker's --env-file takes it: one variable per line, nothing quoted or expanded, the value taken whole; empty lines and lines
 * that begin with # are skipped.
 *
 * @throws UsageError with the line number
 */
export function readEnvFile(context: Context, file: string): Variable[] {
  const bytes = readGiven(context, "--env-file", file);
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  return text.split("\n").flatMap((whole, i) => {
    const line = whole.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) return [];
    const at = line.indexOf("=");
    const name = at === -1 ? line : line.slice(0, at);
    const bad = (what: string) => new UsageError(`--env-file ${file}: line ${i + 1}: ${what}`);
    if (name === "") throw bad(`there is no name before the = (${quote(line)})`);
    if (/\s/.test(name)) throw bad(`there is white space in the name ${quote(name)}`);
    if (line.includes("\0")) throw bad("a NUL byte cannot be in the environment");
    if (line.includes("\ufffd") && !bytes.equals(Buffer.from(bytes.toString("utf8")))) throw bad("it is not UTF-8");
    return [{ name, value: at === -1 ? undefined : line.slice(at + 1) }];
  });
}

/** Sets the variables for what runs inside: on top of the caller's, or alone. */
export function setEnvironment(context: Context, wanted: readonly Variable[], clear: boolean): void {
  const callers = context.env;
  context.env = variables(clear ? {} : callers);
  for (const { name, value = callers[name] } of wanted) {
    if (value === undefined) delete context.env[name];
    else context.env[name] = value;
  }
}
