// What `contain start` needs to start a container again: the words of `contain run`, and where they were said.
import type { Context, Options } from "@contain-tools/chain";
import { codeOf, UsageError } from "@contain-tools/kernel";
import { readEnvFile, readVariable } from "@contain-tools/pivot";
import { folderOf, type KeptWords } from "@contain-tools/state";
import { profileFile } from "./confinement.ts";
import type { RunOption } from "./options.ts";

/** The profile of --seccomp FILE as it was read, for `contain exec` and `contain start`. */
export const profileOf = (id: string) => `${folderOf(id)}/seccomp.json`;

/** Those that are kept otherwise, or that the next start cannot have. */
const LEFT_OUT: readonly (RunOption | "root" | "preserve-fds")[] = [
  ...(["name", "cidfile", "detach", "env", "env-file", "inherit-env"] as const),
  ...(["root", "preserve-fds"] as const),
];

/** What came from the caller's surroundings is kept by its value: the environment, files that were read. @throws UsageError */
export function keptWords(context: Context, given: Options<RunOption>, id: string): KeptWords {
  const words = given.given.flatMap(({ name, value }) => {
    if (LEFT_OUT.includes(name)) return [];
    if (name === "seccomp" && profileFile(given) !== undefined) return [`--seccomp=${profileOf(id)}`];
    return [value === undefined ? `--${name}` : `--${name}=${value}`];
  });
  const variables = [
    ...(given.has("inherit-env") ? Object.entries(context.env).map(([name, value]) => ({ name, value })) : []),
    ...given.all("env-file").flatMap((file) => readEnvFile(context, file)),
    ...given.all("env").map(readVariable),
  ];
  const env = variables.flatMap(({ name, value = context.env[name] }) => (value === undefined ? [] : [`--env=${name}=${value}`]));
  return { words: ["--detach", ...words, ...env, "--", ...given.rest], cwd: workingDirectory() };
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    const why = `the working directory, where relative paths of the container begin: ${codeOf(error)}`;
    throw new UsageError(why, "it was removed: change to another one", 125, { cause: error });
  }
}
