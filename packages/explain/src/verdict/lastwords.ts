// What a program wrote last: errors in the words of errno(3). What each of them names is looked at.
import type { Evidence, Finding } from "@contain-tools/chain";
import type { Case } from "./case.ts";
import { judgeCounted } from "./words/counted.ts";
import { judgeFile } from "./words/files.ts";
import { judgeLoader } from "./words/loader.ts";
import { isUnresolved, judgeName } from "./words/names.ts";
import { isAboutPort, judgePort } from "./words/ports.ts";
import { judgeCall, privilegedCall } from "./words/privileges.ts";
import { takeApart, withoutColours } from "./words/said.ts";
import { isAboutSetuid, judgeSetuid } from "./words/setuid.ts";

const LAST = 5; // lines: an error that it went on after is not why it ended

/** Errors that the program itself has written, in the end of what is kept of its output. @param refused a limit on processes is known already */
export function lastWords(c: Case, refused: boolean): Finding[] {
  const lines = (c.output ?? "")
    .split("\n")
    .map(withoutColours)
    .filter((line) => line.trim() !== "")
    .slice(-LAST);
  const found = lines.reverse().flatMap((line) => judgeLine(c, line.trim(), refused));
  return [...new Map(found.reverse().map((finding) => [finding.code, finding])).values()];
}

function judgeLine(c: Case, line: string, refused: boolean): Finding[] {
  const evidence = (rule: string): Evidence => ({ source: "the end of its output", value: line, rule });
  const loader = judgeLoader(c, line, evidence("ld.so(8)"));
  if (loader !== undefined) return loader;
  if (isUnresolved(line)) return judgeName(c, line, evidence("getaddrinfo(3)"));
  if (isAboutSetuid(line)) return judgeSetuid(c, line, evidence("execve(2) set-user-ID"));
  const said = takeApart(line);
  const call = privilegedCall(line, said);
  if (call !== undefined) return judgeCall(c, line, call, evidence("errno(3) EPERM, as the program words it"));
  if (said === undefined) return [];
  const named = evidence(`errno(3) ${said.errno}, as the program words it`);
  if (isAboutPort(said)) return judgePort(c, said, named);
  const counted = judgeCounted(c, said, named, refused);
  if (counted !== undefined) return counted;
  // What denies access may be another program, or a remote one.
  return said.errno === "EACCES" && said.file === undefined ? [] : judgeFile(c, said, named);
}
