// The last step: this process becomes a program that starts as if no runtime had been here before it.
import { statSync } from "node:fs";
import {
  closeOnExecFrom,
  closeQuietly,
  consoleSocket,
  declare,
  ERRNO,
  ExecError,
  errno,
  failedWith,
  forked,
  ignoreWriteSignals,
  type Limit,
  prepareLimit,
  quote,
  resetDispositions,
  resetWriteSignals,
  SyscallError,
  setCloseOnExec,
  setErrno,
  setLimit,
  setSignalMask,
  setSoftFileLimit,
  stringArray,
  sys,
  trace,
  tracer,
  type Words,
} from "@contain-tools/kernel";
import { type Binary, readBinary } from "./binary.ts";
import { BUSY, whyNotExecutable } from "./execdiagnosis.ts";
import { cannotExecute, notFound, place } from "./execerrors.ts";
import { lookAt } from "./magiclinks.ts";
import { candidates, payload } from "./payload.ts";
import { wordsFor } from "./rawwords.ts";
import { lineOf, textOf } from "./report.ts";
import { ERRNO_WORDS, makeTrampoline, type Refusal, trampolineCall, trampolineWords } from "./trampoline.ts";

const execveC = declare("execve");

/** The arguments of execve(2) as strace decodes them. */
export function describeExec(path: string, argv: Words, env: Words): string[] {
  return [quote(path), `[${argv.map((word) => quote(word.toString())).join(", ")}]`, `0x… /* ${env.length} vars */`];
}

/**
 * execve(2). Does not return when it succeeds, so it is traced before the call.
 *
 * @throws SyscallError ENOENT, EACCES, ENOEXEC, E2BIG, …
 */
export function execve(path: string, argv: Words, env: Words): never {
  if (payload.inside !== undefined) throw new Error("execve(2) in another root: only the trampoline may");
  const words = stringArray(argv);
  const vars = stringArray(env);
  const { text: file } = stringArray([path]);
  return replace([["execve", describeExec(path, argv, env)]], () => execveC(file, words.pointers, vars.pointers));
}

/** A call by its name and its arguments. */
type Described = readonly [syscall: string, args: string[]];

/** Makes the call that replaces this program, with what has to come immediately before; `after` is what that makes in turn. @throws SyscallError */
export function replace([[syscall, args], ...after]: readonly [Described, ...Described[]], call: () => number): never {
  for (const described of tracer.mode === "off" ? [] : [[syscall, args] as const, ...after]) trace(...described);
  const late = payload.lastStep === undefined ? payload.limits.filter(isOfMemory).map(prepareLimit) : [];
  if (late.length > 0) execveC(null, null, null); // EFAULT; the first call makes what the later ones need
  sys(
    syscall,
    () => args,
    () => {
      resetWriteSignals(payload.launch.ignored);
      for (const set of late) set();
      const result = call();
      const code = errno();
      ignoreWriteSignals();
      setErrno(code);
      return result;
    },
  );
  throw new Error(`${syscall} returned`);
}

/** Leaves the program the descriptors that are its own, and the soft RLIMIT_NOFILE of our caller. */
export function cleanDescriptors(): void {
  const { launch, preserveFds, passed, inherited } = payload;
  closeOnExecFrom(3 + preserveFds);
  // execve would still find them by a path that leads through /proc, `/bin -> /proc/self/fd/5` (CVE-2024-21626).
  for (const fd of inherited) if (fd >= 3 + preserveFds) closeQuietly(fd);
  if (consoleSocket.fd !== -1) setCloseOnExec(consoleSocket.fd, false); // a next link of ours will use it
  for (const fd of [0, 1, 2, ...passed]) {
    if (launch.closed.includes(fd)) closeQuietly(fd);
    else if (fd < 3 + preserveFds) setCloseOnExec(fd, false);
  }
  if (launch.softFileLimit !== undefined) setSoftFileLimit(launch.softFileLimit);
}

/** Undoes what the runtime changed: descriptors, RLIMIT_NOFILE, signal dispositions, the mask. */
function startClean(): void {
  const { launch, limits } = payload;
  cleanDescriptors();
  resetDispositions(launch.ignored, !forked);
  setSignalMask(launch.blocked);
  for (const limit of limits) if (payload.lastStep !== undefined || !isOfMemory(limit)) setLimit(limit);
  payload.lastStep?.();
}

/** RLIMIT_AS and RLIMIT_DATA are about brk(2) and mmap(2): with less than it has this runtime gets no further page for its heap. */
const isOfMemory = ({ resource }: Limit) => resource === "as" || resource === "data";

/**
 * Becomes PROG as execvp(3) does: a bare name is searched in PATH, and a file without `#!` that is not ELF is given to /bin/sh.
 *
 * @throws ExecError 127 when it was not found, 126 when it was found but cannot be executed
 */
export function execProgram(argv: readonly string[]): never {
  const [name = ""] = argv;
  const { words, env } = wordsFor(argv);
  const isForeign = payload.inside !== undefined;
  const careful = payload.lastStep !== undefined || payload.limits.some(isOfMemory);
  const paths = isForeign || !careful ? candidates(name) : thoseThere(name);
  if (!isForeign) startClean();
  let failure: SyscallError | undefined;
  let failedPath = name;
  for (const path of paths) {
    try {
      if (isForeign) execInside(path, words, env);
      else execve(path, words, env);
    } catch (error) {
      if (!failedWith(error, "ENOENT", "ENOTDIR", "EACCES", "ENOEXEC", "ENAMETOOLONG") || !name) {
        throw error instanceof SyscallError ? cannotExecute(path, error) : error;
      }
      // In another root the trampoline hands it to the shell: a second look here could find another file.
      if (error.code === "ENOEXEC" && isForeign) throw cannotExecute(path, error);
      if (error.code === "ENOEXEC") execByShell(path, words, env, error);
      const found = error.code === "EACCES" || whyNotExecutable(path, error.code) !== undefined;
      if (failure === undefined || (found && failure.code !== "EACCES")) {
        failure = error;
        failedPath = path;
      }
      if (found && error.code !== "EACCES") break;
    }
  }
  throw failure === undefined ? notFound(name, "ENOENT") : cannotExecute(failedPath, failure, name);
}

/** A filter may kill for what would come between two tries, and a limit on memory leave none for it: what is not there is found out before. */
function thoseThere(name: string): string[] {
  const all = candidates(name);
  const paths = all.filter(mayBeThere);
  if (paths.length > 0) return paths;
  const known = all.find((path) => whyNotExecutable(path, "ENOENT") !== undefined) ?? name;
  throw cannotExecute(known, new SyscallError("execve", [quote(known)], ERRNO["ENOENT"] ?? 0), name);
}

function mayBeThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true; // execve tells more
  }
}

/** A file in another root, which others may exchange at any moment: looked at for the sake of the message, then started by the trampoline. */
function execInside(path: string, words: Words, env: Words): never {
  const { leadsOut, code, binary } = lookAt(path);
  if (leadsOut !== undefined) throw leadingOut(path, leadsOut);
  const args = describeExec(path, words, env);
  if (code !== undefined) throw new SyscallError("execve", args, ERRNO[code] ?? 0);
  const trampoline = makeTrampoline(refusals(path, args, binary), payload.preserveFds, binary?.kind === "other");
  startClean();
  if (trampoline.pipe !== -1) setCloseOnExec(trampoline.pipe, false); // the trampoline turns it on again
  const through = trampolineWords(path, words);
  const call = trampolineCall(trampoline, stringArray(through), stringArray(env));
  const [, ...rest] = describeExec("", through, env);
  const first = ["execveat", [`${trampoline.fd}</memfd:contain>`, '""', ...rest, "AT_EMPTY_PATH"]] satisfies Described;
  replace([first, ["execve", args]], call);
}

/** What is told when the kernel refuses what nothing spoke against. */
function refusals(path: string, args: readonly string[], binary: Binary | undefined): Refusal[] {
  const because = (code: string) => cannotExecute(path, new SyscallError("execve", args, ERRNO[code] ?? 0));
  const cannot = (errno: string, code: string, text: string, certain: boolean) => {
    const facts = [{ source: `execve(${path})`, value: certain ? errno : undefined, problem: "refused", rule: "execve(2)" }];
    return new ExecError(`${path}: cannot be executed${place()}: ${errno}`, text, 126, { code, text, certain, facts });
  };
  const list: (readonly [errno: string, error: ExecError])[] = [["ETXTBSY", cannot("ETXTBSY", ...BUSY, true)]];
  if (binary === undefined) list.push(["ENOENT", because("ENOENT")]);
  else if (binary.foreignMachine !== undefined || binary.kind === "other") list.push(["ENOEXEC", because("ENOEXEC")]);
  const any =
    "it looked well just before: it or its interpreter has changed meanwhile, or a security module (AppArmor, SELinux) refuses it";
  list.push(["0", cannot(ERRNO_WORDS, "exec-cannot-tell", any, false)]);
  return list.map(([name, error]) => ({ errno: ERRNO[name] ?? 0, status: error.status, text: textOf(error), word: lineOf(error) }));
}

/** In a container nothing of the host's may become its program. */
function leadingOut(path: string, link: string): ExecError {
  const text = `${link === path ? "it" : `its interpreter ${quote(link)}`} leads through a link of /proc, and out of the container (CVE-2019-5736)`;
  const facts = [{ source: `openat2(${quote(link)}, RESOLVE_NO_MAGICLINKS)`, value: "ELOOP", rule: "openat2(2), proc_pid_exe(5)" }];
  return new ExecError(`${path}: not executed${place()}`, text, 126, { code: "exec-leads-out", text, certain: true, facts });
}

/** A script without a #! line: execvp(3) hands it to the shell. A binary for another machine must not go there. */
function execByShell(path: string, words: Words, env: Words, error: SyscallError): void {
  if (readBinary(path)?.kind !== "other") throw cannotExecute(path, error);
  try {
    execve("/bin/sh", ["/bin/sh", path, ...words.slice(1)], env);
  } catch {
    throw cannotExecute(path, error);
  }
}
