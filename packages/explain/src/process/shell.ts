// A shell between the signals and the program: it does not forward them.
import { readlinkSync } from "node:fs";
import { basename } from "node:path";
import type { Evidence, Finding } from "@contain-tools/chain";
import { codeOf, hasSignal, readIfThere, SIGTERM } from "@contain-tools/kernel";
import { cannotTell, clean, fact, is } from "./finding.ts";
import { describe, list, type Process } from "./processes.ts";
import { maskOf, type Subject, statusEvidence } from "./subject.ts";

const RULE = "bash(1), SIGNALS; sh(1p)";
const SHELLS = new Set(["dash", "bash", "ash", "ksh", "ksh93", "mksh", "zsh", "busybox"]);
const APPLETS = new Set(["sh", "ash", "hush"]);

export function explainShell(subject: Subject): Finding[] {
  const isInit = subject.nested.at(-1) === 1;
  const shell = shellOf(subject);
  if (shell === undefined) return [];
  if (!Array.isArray(shell)) return isInit ? [cannotTell("shell-unknown", "whether PID 1 is a shell", [shell])] : [];
  const caught = maskOf(subject, "SigCgt");
  const proof = [...shell, statusEvidence(subject, "SigCgt", "signal(7)"), statusEvidence(subject, "NSpid", "pid_namespaces(7)")];
  const children = subject.processes.filter(({ parent, state }) => parent === subject.pid && state !== "Z");
  const [only, ...others] = children;
  const findings: Finding[] = [];
  if (isInit) findings.push(is("shell-is-pid1", "PID 1 is a shell: it reaps its children, but forwards no signal to them", proof));
  if (only === undefined || caught === undefined) return findings;
  const child = childProof(only);
  if (hasSignal(caught, SIGTERM))
    return [
      ...findings,
      cannotTell(
        "shell-trap",
        `when its trap for SIGTERM runs: if the shell waits for a command in the foreground, only after that (${list(children)}); if it waits with \`wait\`, at once`,
        [...proof, child],
        "the script would tell",
      ),
    ];
  const command = commandString(subject.pid);
  if (command === undefined) return findings;
  const isPipeline = /[^|]\|[^|]/.test(command);
  if (others.length > 0 && !isPipeline) return findings;
  const end = isInit
    ? "and SIGTERM does nothing to the shell, which is PID 1"
    : "and SIGTERM ends the shell alone, and leaves the program behind";
  const around = isPipeline ? `a pipeline (${list(children)})` : `${describe(only)}, its only child`;
  const text = `it is \`sh -c\` around ${around}: signals sent to the shell do not reach the program, ${end}`;
  return [
    ...findings,
    is(
      "shell-wrapper",
      text,
      [...proof, child],
      '`exec` before the command, or the exec form (CMD ["prog", "arg"]), so that the program takes the shell\'s place',
    ),
  ];
}

/** By the program file, which for /bin/sh is the shell behind the link; for busybox by the name it was called with too. */
function shellOf({ pid }: Subject): Evidence[] | Evidence | undefined {
  const source = `/proc/${pid}/exe`;
  let exe: string;
  try {
    exe = readlinkSync(source).replace(/ \(deleted\)$/, "");
  } catch (error) {
    return codeOf(error) === "ENOENT" ? undefined : { source, value: undefined, problem: codeOf(error) ?? "", rule: RULE };
  }
  const file = basename(exe);
  if (!SHELLS.has(file)) return undefined;
  const words = argv(pid);
  const name = basename(words[0] ?? "").replace(/^-/, "");
  const called = name === "busybox" ? (words[1] ?? "") : name;
  if (file === "busybox" && !APPLETS.has(called)) return undefined;
  return [fact(source, exe, RULE), fact(`/proc/${pid}/cmdline`, clean(words.join(" "), 80), RULE)];
}

/** The text after -c, as in the shell form of a Dockerfile's CMD. */
function commandString(pid: number): string | undefined {
  const words = argv(pid);
  const at = words.findIndex((word, place) => place > 0 && place < 4 && /^-[a-z]*c$/.test(word));
  return at === -1 ? undefined : words[at + 1];
}

function argv(pid: number): string[] {
  return (readIfThere(`/proc/${pid}/cmdline`) ?? "").split("\0").slice(0, -1);
}

function childProof({ pid, name, parent }: Process): Evidence {
  return fact(`/proc/${pid}/stat ppid`, `${parent} (of ${name})`, "proc_pid_stat(5)");
}
