// A program's last output: errors in the words of errno(3). The file or call that each names is checked.
import type { Evidence, Finding } from "@contain-tools/chain";
import type { Case } from "./case.ts";
import { judgeCounted } from "./words/counted.ts";
import { judgeFile } from "./words/files.ts";
import { judgeLoader } from "./words/loader.ts";
import { isAboutHeap, judgeHeap, judgeMemory } from "./words/memory.ts";
import { isUnresolved, judgeName } from "./words/names.ts";
import { isAboutConnection, judgeConnection } from "./words/network.ts";
import { isAboutPort, judgePort } from "./words/ports.ts";
import { judgeCall, privilegedCall } from "./words/privileges.ts";
import { takeApart, withoutColours } from "./words/said.ts";
import { isAboutSetuid, judgeSetuid } from "./words/setuid.ts";

const LAST = 5; // lines: an error after which it went on is not why it ended

/** Lines of a trace of calls, as Node and Python write them around an error. */
const TRACE =
  /^\s+at |^ {2,}(errno|code|syscall|path|dest|address|port|hostname): |^[{}]$|^Emitted 'error' event|^Node\.js v\d|^ {2,}File "/;

/** Errors at the end of the kept output, written by the program itself. @param refused a limit on processes is already known as a reason */
export function lastWords(c: Case, refused: boolean): Finding[] {
  const lines = (c.output ?? "")
    .split("\n")
    .map(withoutColours)
    .filter((line) => line.trim() !== "" && !TRACE.test(line))
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
  if (isAboutConnection(line)) return judgeConnection(c, line, evidence("connect(2)"));
  if (isAboutHeap(line)) return judgeHeap(line, evidence("as its runtime words it"));
  const said = takeApart(line);
  const call = privilegedCall(line, said);
  if (call !== undefined) return judgeCall(c, line, call, evidence("errno(3) EPERM, as the program words it"));
  if (said === undefined) return [];
  const named = evidence(`errno(3) ${said.errno}, as the program words it`);
  if (isAboutPort(said)) return judgePort(c, said, named);
  const counted = judgeMemory(c, said, named) ?? judgeCounted(c, said, named, refused);
  if (counted !== undefined) return counted;
  // Another program, even a remote one, may deny the access.
  return said.errno === "EACCES" && said.file === undefined ? [] : judgeFile(c, said, named);
}
