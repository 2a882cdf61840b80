// su, sudo and others report that they are not set-user-ID: no_new_privs disables that bit (PR_SET_NO_NEW_PRIVS(2const)).
import type { Evidence, Finding } from "@contain-tools/chain";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { callerOf } from "./caller.ts";

const SAID = /must be suid|must be setuid|effective uid is not 0|"no new privileges" flag is set/i;

export const isAboutSetuid = (line: string) => SAID.test(line);

export function judgeSetuid(c: Case, line: string, said: Evidence): Finding[] {
  const flag = callerOf(c)?.evidence("NoNewPrivs", "PR_SET_NO_NEW_PRIVS(2const)");
  if (flag?.value !== "1") return []; // its file has no such bit, or is on a mount with nosuid
  const text = `it wrote ${JSON.stringify(line)}: no_new_privs was set, and set-user-ID programs give it nothing then`;
  return [
    hint(
      "no-new-privs",
      text,
      [said, flag],
      "the program as that user from the beginning (--user), or no no_new_privs (--confine and --security-opt set it)",
    ),
  ];
}
