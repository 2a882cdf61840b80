// 126 and 127 of a shell or of env inside, or a script's words about a program: the file that it tried to execute, checked in the
// container's own mounts.
import { type Finding, whyNotExecutable } from "@contain-tools/chain";
import { basename, type Diagnosis, exists, shellStatus } from "@contain-tools/kernel";
import type { Case } from "./case.ts";
import { hint } from "./hint.ts";
import { commandsIn } from "./words/commands.ts";
import { withoutColours } from "./words/said.ts";

const SHELLS = ["sh", "bash", "dash", "ash", "busybox", "ksh", "zsh"];
const PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const RULE = 'sh(1p) "EXIT STATUS", env(1): 127 not found, 126 found but not executable';

/** `sh: none: not found`, `bash: line 1: none: command not found`, `env: can't execute 'none': No such file or directory`. */
const MESSAGE =
  /: (?:exec: |can't execute )?['"`\u2018]?([^\s'":`\u2018\u2019]+)['"\u2019]?: (?:(?:command )?not found|Permission denied|No such file or directory|cannot execute\b.*|Exec format error|bad interpreter\b.*)$/;
/** A shell says these only about programs, whatever status the script then exits with. */
const OF_PROGRAMS =
  /^(?:(?:\S*\/)?(?:ba|da|a|k|z)?sh: |\S+: (?:line )?\d+: ).*(?:not found|cannot execute\b.*|Exec format error|bad interpreter\b.*)$/;
const LAST = 5; // lines

/** The programs that `sh -c '…'` and `env PROG …` may have executed. */
function triedBy(argv: readonly string[]): readonly string[] {
  const [program = "", ...words] = argv;
  const name = basename(program);
  if (name === "env") return words.filter((word) => !word.startsWith("-") && !word.includes("=")).slice(0, 1);
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  return SHELLS.includes(name) && at !== -1 ? commandsIn(words[at + 1] ?? "") : [];
}

/** `env PATH=/x PROG` */
const pathOf = (argv: readonly string[]) =>
  basename(argv[0] ?? "") === "env" ? argv.findLast((word) => word.startsWith("PATH="))?.slice(5) : undefined;

interface Looked {
  readonly word: string;
  readonly file: string | undefined;
  readonly why: Diagnosis | undefined;
}

export function shellExit({ outcome, argv, path, output, seen: { mounts } }: Case): Finding[] {
  const status = shellStatus(outcome.status);
  const byStatus = status === 126 || status === 127;
  const lines = (output ?? "").split("\n").map(withoutColours).filter(Boolean).slice(-LAST);
  const told = lines.flatMap((line) => (byStatus || OF_PROGRAMS.test(line.trim()) ? (MESSAGE.exec(line.trim())?.[1] ?? []) : [])).at(-1);
  const words = [...(byStatus ? triedBy(argv) : []), ...(told === undefined ? [] : [told])].filter(
    (word) => word.startsWith("/") || !word.includes("/"),
  );
  const looked =
    words.length === 0
      ? []
      : (mounts?.inside(() => [...new Set(words)].map((word) => look(word, pathOf(argv) ?? path ?? PATHS, status))) ?? []);
  const one = only(looked.filter(({ why }) => why !== undefined)) ?? missing(looked, told);
  if (one === undefined) return [];
  const who = triedBy(argv).includes(one.word) ? basename(argv[0] ?? "") : "it";
  if (one.file === undefined) {
    const evidence = {
      source: one.word.includes("/") ? `stat(${one.word})` : `PATH ${pathOf(argv) ?? path ?? PATHS}`,
      value: "ENOENT",
      rule: RULE,
    };
    return [hint(status === 126 ? "not-executable" : "not-found", `${who} tried ${one.word}, which is not there`, [evidence])];
  }
  const { code = "", text = "", facts = [] } = one.why ?? {};
  return [{ ...hint("", `${who} tried ${one.file}: ${text}`, facts), code: `hint-${code}` }];
}

/** Of several candidates we cannot tell which it was. */
const only = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined);

/** The one that the shell named as missing, otherwise the only one that does not exist. */
function missing(looked: readonly Looked[], told: string | undefined): Looked | undefined {
  const gone = looked.filter(({ file }) => file === undefined);
  return gone.find(({ word }) => word === told) ?? only(gone);
}

/** A shell reads a file that is not a program for this machine (ENOEXEC) as a script, and ends in 127 or 126 for what it finds there. */
function look(word: string, path: string, status: number): Looked {
  const files = word.includes("/") ? [word] : path.split(":").map((dir) => `${dir}/${word}`);
  const file = files.find((one) => exists(one));
  if (file === undefined) return { word, file, why: undefined };
  const codes = ["ENOENT", "EACCES", "ENOEXEC"].filter((code) => code !== (status === 127 ? "EACCES" : status === 126 ? "ENOENT" : ""));
  const reasons = codes.map((code) => whyNotExecutable(file, code));
  return { word, file, why: reasons.find((one) => one?.text !== undefined && one.code !== IS_SCRIPT) };
}

/** A file that a shell would take for a script counts as executed. */
const IS_SCRIPT = "exec-bad-format";
