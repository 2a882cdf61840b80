// The last step in another root, by way of the trampoline.
import { ERRNO, SyscallError, setCloseOnExec, stringArray, tracer, type Words } from "@contain-tools/kernel";
import type { Binary } from "./binary.ts";
import { startClean } from "./clean.ts";
import type { Context } from "./context.ts";
import { BUSY } from "./execdiagnosis.ts";
import { cannotExecute, leadingOut, place } from "./execerrors.ts";
import { describeExec, replace } from "./execve.ts";
import { lookAt } from "./magiclinks.ts";
import { type Failure, failureOf, lineOf, textOf } from "./report.ts";
import { ERRNO_WORDS, makeTrampoline, type Refusal, trampolineCall, trampolineWords } from "./trampoline.ts";

/** A file in another root, which others may replace at any moment: checked only for the error message, then started by the trampoline. */
export function execInside(context: Context, path: string, words: Words, env: Words): never {
  const { leadsOut, code, binary } = lookAt(path);
  if (leadsOut !== undefined) throw leadingOut(context, path, leadsOut);
  const args = () => describeExec(path, words, env);
  if (code !== undefined) throw new SyscallError("execve", args(), ERRNO[code] ?? 0);
  const trampoline = makeTrampoline(context, refusals(context, path, args, binary), binary?.kind === "other");
  startClean(context);
  if (trampoline.pipe !== -1) setCloseOnExec(trampoline.pipe, false); // the trampoline turns it on again
  const through = trampolineWords(path, words);
  const call = trampolineCall(trampoline, stringArray(through), stringArray(env));
  const first = () => [`${trampoline.fd}</memfd:contain>`, '""', ...describeExec("", through, env).slice(1), "AT_EMPTY_PATH"];
  replace(
    context,
    [
      ["execveat", first],
      ["execve", args],
    ],
    call,
  );
}

/** The message if the kernel refuses a file that passed the checks. */
function refusals(context: Context, path: string, args: () => readonly string[], binary: Binary | undefined): Refusal[] {
  const because = (code: string) => failureOf(cannotExecute(context, path, new SyscallError("execve", args(), ERRNO[code] ?? 0)));
  const cannot = (errno: string, code: string, text: string, certain: boolean): Failure => {
    const facts = [{ source: `execve(${path})`, value: certain ? errno : undefined, problem: "refused", rule: "execve(2)" }];
    const message = `${path}: cannot be executed${place(context)}: ${errno}`;
    return { tool: tracer.tool, message, hint: text, status: 126, diagnosis: { code, text, certain, facts } };
  };
  const list: (readonly [errno: string, failure: Failure])[] = [["ETXTBSY", cannot("ETXTBSY", ...BUSY, true)]];
  if (binary === undefined) list.push(["ENOENT", because("ENOENT")]);
  else if (binary.foreignMachine !== undefined || binary.kind === "other") list.push(["ENOEXEC", because("ENOEXEC")]);
  const any = "it passed all checks: it or its interpreter has changed since, or a security module (AppArmor, SELinux) refuses it";
  list.push(["0", cannot(ERRNO_WORDS, "exec-cannot-tell", any, false)]);
  return list.map(([name, failure]) => {
    return { errno: ERRNO[name] ?? 0, status: failure.status, text: textOf(failure), word: lineOf(failure) };
  });
}
