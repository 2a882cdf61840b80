// The argv of an nsexec that runs a program in a container: `contain exec`, and checks of its health.
import type { State } from "@contain-tools/state";
import { keyringWords } from "./argv.ts";

interface Joining {
  /** The program's user; undefined for the container's. */
  readonly user: string | undefined;
  readonly directory: string | undefined;
  /** NAME=VALUE */
  readonly env: readonly string[];
  /** nsexec's words about the terminal and the process group. */
  readonly job: string;
}

/** @param pid a process of the container */
export function joinArgv(
  state: Pick<State, "id" | "group" | "user" | "confine">,
  pid: number,
  joining: Joining,
  program: readonly string[],
): string[] {
  const { id, group } = state;
  const { directory, env, job } = joining;
  const confine = confinedAs(state.confine, joining.user);
  const user = joining.user ?? state.user;
  return [
    ...["nsexec", "--target", `${pid}`, "--all"],
    ...(group === undefined ? [] : ["--into-cgroup", group]),
    job,
    ...(directory === undefined ? [] : ["--wdns", directory]),
    ...keyringWords(id),
    ...(user === undefined || confine.includes("--user") ? [] : ["--as", user]),
    ...["--clear-env", ...env.flatMap((variable) => ["--env", variable])],
    ...["--", ...confine, ...program],
  ];
}

/** The container's own confine. It changes the user last, since an unprivileged user cannot lower the bounding set. */
function confinedAs(words: readonly string[], user: string | undefined): readonly string[] {
  if (words.length === 0 || user === undefined) return words;
  const at = words.indexOf("--user");
  const others = at === -1 ? words : words.toSpliced(at, 2);
  return [...others.slice(0, -1), "--user", user, "--"];
}
