// Finds the rule that explains an error.
import { rules } from "./ruletable.ts";

interface Rule {
  readonly syscalls: readonly string[];
  /** A pattern for the arguments as strace prints them. */
  readonly args: RegExp;
  readonly say: string;
}

/** The rules for an errno, in the order of the table. */
function rulesFor(code: string, syscall?: string): Rule[] {
  return Object.entries(rules()).flatMap(([names, byErrno]) => {
    const syscalls = names.split("|");
    const said = syscall === undefined || syscalls.includes(syscall) ? (byErrno[code] ?? {}) : {};
    const byArgs = typeof said === "string" ? { "": said } : said;
    return Object.entries(byArgs).map(([args, say]) => ({ syscalls, args: new RegExp(args), say }));
  });
}

/** The rule that explains why `syscall` failed with `code`, if one is known. */
export function ruleFor(syscall: string, code: string, args: readonly string[]): string | undefined {
  const text = args.join(", ");
  return rulesFor(code, syscall).find((rule) => rule.args.test(text))?.say;
}

/** Every rule for an errno, of one system call or of all. */
export function rulesOf(code: string, syscall?: string): { readonly syscalls: readonly string[]; readonly say: string }[] {
  return rulesFor(code, syscall).map(({ syscalls, say }) => ({ syscalls, say }));
}
