// Explains why a program was not started.

import { ExecError, quote, type SyscallError } from "@contain-tools/kernel";
import { type Context, DEFAULT_PATH } from "./context.ts";
import { whyNotExecutable } from "./execdiagnosis.ts";

export function place({ inside }: Context): string {
  return inside === undefined ? "" : ` inside ${inside}`;
}

export function notFound(context: Context, name: string, code: string): ExecError {
  const facts = (source: string, value: string) => [{ source, value, rule: "execve(2) ENOENT" }];
  if (name.includes("/") || name === "") {
    const diagnosis = { code: "exec-not-found", text: undefined, certain: true, facts: facts(`execve(${quote(name)})`, code) };
    return new ExecError(`${quote(name)}: no such file${place(context)}`, undefined, 127, diagnosis);
  }
  const path = context.env["PATH"] ?? DEFAULT_PATH;
  const diagnosis = { code: "exec-not-in-path", text: undefined, certain: true, facts: facts("PATH", path) };
  return new ExecError(`${name}: not found in PATH${place(context)} (${path})`, undefined, 127, diagnosis);
}

export function cannotExecute(context: Context, path: string, error: SyscallError, name = path): ExecError {
  const diagnosis = whyNotExecutable(path, error.code);
  const cause = { cause: error };
  if (error.code === "ENOENT" || error.code === "ENOTDIR") {
    if (diagnosis === undefined) return notFound(context, name, error.code);
    return new ExecError(`${path}: cannot be executed${place(context)}: ${error.code}`, diagnosis.text, 127, diagnosis, cause);
  }
  const why = error.message.replace(/^.*\): /, "");
  const unknown = {
    code: "exec-cannot-tell",
    text: undefined,
    certain: false,
    facts: [{ source: `execve(${path})`, value: error.code, rule: "execve(2)" }],
  };
  return new ExecError(`${path}: cannot be executed${place(context)}: ${why}`, diagnosis?.text, 126, diagnosis ?? unknown, cause);
}

/** In a container, nothing of the host may become its program. */
export function leadingOut(context: Context, path: string, link: string): ExecError {
  const text = `${link === path ? "it" : `its interpreter ${quote(link)}`} leads through a link of /proc, and out of the container (CVE-2019-5736)`;
  const facts = [{ source: `openat2(${quote(link)}, RESOLVE_NO_MAGICLINKS)`, value: "ELOOP", rule: "openat2(2), proc_pid_exe(5)" }];
  return new ExecError(`${path}: not executed${place(context)}`, text, 126, { code: "exec-leads-out", text, certain: true, facts });
}
