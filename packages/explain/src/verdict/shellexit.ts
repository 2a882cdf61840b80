// 126 and 127 of a shell or of env inside: the file that it tried to execute, looked at in the container's own mounts.
import { type Finding, whyNotExecutable } from "@contain-tools/chain";
import { basename, exists, shellStatus } from "@contain-tools/kernel";
import type { Case } from "./case.ts";
import { hint } from "./hint.ts";

const SHELLS = new Set(["sh", "bash", "dash", "ash", "busybox", "ksh", "zsh"]);
const PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a shell does itself, and words of its grammar (sh(1p)). */
const BUILTINS = new Set(
  ". : [ alias bg break case cd command continue do done echo elif else esac eval exit export false fg fi for getopts hash if in jobs kill local printf pwd read readonly return set shift source test then times trap true type ulimit umask unalias unset until wait while".split(
    " ",
  ),
);

/** The program of `sh -c 'PROG …'` and of `env PROG …`; undefined where more than one could be meant. */
export function triedBy(argv: readonly string[]): string | undefined {
  const [program = "", ...words] = argv;
  const name = basename(program);
  if (name === "env") return words.find((word) => !word.startsWith("-") && !word.includes("="));
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (!SHELLS.has(name) || at === -1) return undefined;
  const word = /^\s*(?:exec\s+)?([\w./@+-]+)[^;&|()`$<>]*$/.exec(words[at + 1] ?? "")?.[1];
  return word === undefined || BUILTINS.has(word) ? undefined : word;
}

export function shellExit({ outcome, argv, path, seen: { mounts } }: Case): Finding[] {
  const status = shellStatus(outcome.status);
  const word = status === 126 || status === 127 ? triedBy(argv) : undefined;
  if (word === undefined) return [];
  const found = mounts?.inside(() => look(word, path ?? PATHS, status === 127 ? "ENOENT" : "EACCES"));
  const shell = basename(argv[0] ?? "");
  const name = status === 127 ? "not-found" : "not-executable";
  const rule = 'sh(1p) "EXIT STATUS", env(1): 127 not found, 126 found but not executable';
  if (found === undefined || found === null) return [];
  if (found.why === undefined) {
    if (found.file !== undefined) return [];
    const evidence = { source: word.includes("/") ? `stat(${word})` : `PATH ${path ?? PATHS}`, value: "ENOENT", rule };
    return [hint(name, `${shell} tried ${word}, which is not there`, [evidence])];
  }
  const { code, text, facts } = found.why;
  return [{ ...hint(name, `${shell} tried ${found.file}: ${text}`, facts), code: `hint-${code}` }];
}

function look(word: string, path: string, code: string) {
  const files = word.includes("/") ? [word] : path.split(":").map((dir) => `${dir}/${word}`);
  const file = files.find((one) => exists(one));
  const why = file === undefined ? undefined : whyNotExecutable(file, code);
  return { file, why: why?.text === undefined ? undefined : why };
}
