// Why execve(2) failed: its errno, and what is in the file, beside it and on the way to it.
import { codeOf, type Diagnosis, exists, type Fact, type Stat, stat } from "@contain-tools/kernel";
import { type Binary, readBinary } from "./binary.ts";
import { linkTarget, whyDenied } from "./denied.ts";
import { whyNotSearchable } from "./pathwalk.ts";

/** For a file that a process has open for writing: its name, and what to say about it. */
export const BUSY = ["exec-busy", "a process has it open for writing"] as const;
const NAMED: Readonly<Record<string, readonly [code: string, text: string]>> = {
  E2BIG: [
    "exec-too-long",
    "the words and the environment are longer than the kernel takes: a quarter of RLIMIT_STACK, and 128 KiB for one of them",
  ],
  ETXTBSY: BUSY,
};

/** The reason why execve(2) of `path` failed with `code`; undefined if there is no such file. */
export function whyNotExecutable(path: string, code: string): Diagnosis | undefined {
  const failed: Fact = { source: `execve(${path})`, value: code, rule: "execve(2)" };
  const found = diagnose(path, code);
  return found === undefined ? undefined : { ...found, facts: [failed, ...found.facts] };
}

const MOST_INTERPRETERS = 5; // fs/exec.c exec_binprm

function diagnose(path: string, code: string, depth = 0): Diagnosis | undefined {
  let file: Stat;
  try {
    file = stat(path);
  } catch (error) {
    return withoutFile(path, codeOf(error));
  }
  const type = (value: string): Fact => ({ source: `stat(${path})`, value, rule: "execve(2) EACCES" });
  if (file.isDirectory()) return { code: "exec-directory", text: "it is a directory", certain: true, facts: [type("a directory")] };
  if (!file.isFile())
    return { code: "exec-not-a-file", text: "it is not a regular file", certain: true, facts: [type("not a regular file")] };
  const named = NAMED[code];
  if (named !== undefined) return { code: named[0], text: named[1], certain: true, facts: [] };
  const denied = code === "EACCES" ? whyDenied(path, file) : undefined;
  return denied ?? fromContents(path, code, depth);
}

function withoutFile(path: string, code: string | undefined): Diagnosis | undefined {
  if (code === "EACCES") return whyNotSearchable(path);
  if (code === "ELOOP") {
    const facts = [{ source: `stat(${path})`, value: "ELOOP", rule: "path_resolution(7)" }];
    return { code: "exec-link-loop", text: "symbolic links form a loop", certain: true, facts };
  }
  const target = code === "ENOENT" ? linkTarget(path) : undefined;
  if (target === undefined) return undefined;
  const facts = [{ source: `readlink(${path})`, value: target, rule: "symlink(7)" }];
  return { code: "exec-dangling-link", text: `it is a symbolic link to ${target}, which does not exist`, certain: true, facts };
}

function fromContents(path: string, code: string, depth: number): Diagnosis {
  const binary = readBinary(path);
  if (binary === undefined) return cannotTell([{ source: path, value: undefined, problem: "it cannot be read", rule: "execve(2)" }]);
  const { interpreter, foreignMachine } = binary;
  const say = (name: string, text: string | undefined, value: string, rule: string): Diagnosis => {
    const facts = [{ source: `${path} ${binary.kind === "script" ? "#!" : "ELF"}`, value, rule }];
    return { code: name, text, certain: true, facts };
  };
  if (code === "ENOEXEC" && foreignMachine !== undefined)
    return say(
      "exec-wrong-architecture",
      `it is a program for ${foreignMachine}, this machine is ${process.arch}`,
      foreignMachine,
      "elf(5) e_machine, execve(2) ENOEXEC",
    );
  if (code === "ENOEXEC" && binary.kind === "other")
    return say("exec-bad-format", "it is neither ELF nor a script with a #! line", "neither ELF nor #!", "execve(2) ENOEXEC");
  if ((code === "ENOEXEC" || code === "EINVAL") && binary.damaged)
    return say("exec-bad-elf", "its ELF header is damaged, or the file is cut off", "a damaged ELF header", "elf(5), execve(2)");
  if (interpreter && !exists(interpreter) && (code === "ENOENT" || code === "ENOTDIR")) return missing(binary, interpreter, say);
  if (interpreter && !(code === "ENOEXEC" && binary.kind === "elf")) return throughInterpreter(path, interpreter, code, depth);
  return cannotTell([]);
}

type Say = (code: string, text: string, value: string, rule: string) => Diagnosis;

function missing({ kind }: Binary, interpreter: string, say: Say): Diagnosis {
  if (kind === "elf") {
    const text = `it exists, but its dynamic loader does not: ${interpreter} (PT_INTERP); copy the loader and the libraries that \`ldd\` lists, or use a static program`;
    return say("exec-no-loader", text, `PT_INTERP ${interpreter}`, "elf(5) PT_INTERP, execve(2) ENOENT");
  }
  const ends = interpreter.endsWith("\r")
    ? "; the line ends in a carriage return, which is taken for a part of the name (sed -i 's/\\r$//')"
    : "";
  const text = `it exists, but the interpreter of its #! line does not: ${interpreter}${ends}`;
  return say(ends === "" ? "exec-no-interpreter" : "exec-interpreter-crlf", text, interpreter, 'execve(2) "Interpreter scripts"');
}

/** The interpreter is checked as the kernel does: on its own path, and with an interpreter of its own. */
function throughInterpreter(path: string, interpreter: string, code: string, depth: number): Diagnosis {
  const named: Fact = { source: path, value: `interpreter ${interpreter}`, rule: 'execve(2) "Interpreter scripts", elf(5) PT_INTERP' };
  const found = depth < MOST_INTERPRETERS ? diagnose(interpreter, code, depth + 1) : undefined;
  if (found?.text === undefined) return cannotTell([named, ...(found?.facts ?? [])]);
  const text =
    code === "EACCES"
      ? `its interpreter ${interpreter} may not be executed: ${found.text}`
      : `its interpreter ${interpreter} cannot be executed: ${found.text}`;
  const name = code === "EACCES" ? "exec-interpreter-denied" : found.code;
  return { code: name, text, certain: found.certain, facts: [named, ...found.facts] };
}

function cannotTell(facts: readonly Fact[]): Diagnosis {
  return { code: "exec-cannot-tell", text: undefined, certain: false, facts };
}
