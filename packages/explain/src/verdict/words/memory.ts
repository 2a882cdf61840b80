// Memory or a size of file that was refused: ENOMEM and EFBIG, and the limits of the process that refuse it (getrlimit(2)).
import type { Evidence, Finding } from "@contain-tools/chain";
import { lineValue, readIfThere } from "@contain-tools/kernel";
import { formatBytes } from "../../usage.ts";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { limitOf } from "./caller.ts";
import type { Said } from "./said.ts";

/** The limit that a runtime has set for its own heap. */
const HEAP = /OutOfMemoryError: (?:Java heap space|GC overhead limit|Metaspace)|heap out of memory/;

export const isAboutHeap = (line: string) => HEAP.test(line);

export function judgeHeap(line: string, said: Evidence): Finding[] {
  const text = `it wrote ${JSON.stringify(line)}: the limit that its runtime has set for its own heap was reached, no limit of the kernel`;
  return [hint("heap-limit", text, [said], "-Xmx, -XX:MaxRAMPercentage or --max-old-space-size of the runtime, within --memory")];
}

/** @returns undefined for another errno */
export function judgeMemory(c: Case, said: Said, evidence: Evidence): Finding[] | undefined {
  if (said.errno === "EFBIG") return [fileSize(c, said, evidence)];
  return said.errno === "ENOMEM" ? [noMemory(c, said, evidence)] : undefined;
}

function fileSize(c: Case, { line }: Said, said: Evidence): Finding {
  const { value, when, evidence, isSet } = limitOf(c, "Max file size", "getrlimit(2) RLIMIT_FSIZE, write(2) EFBIG");
  const wrote = `it wrote ${JSON.stringify(line)} (EFBIG)`;
  if (isSet) {
    const text = `${wrote}: RLIMIT_FSIZE was ${formatBytes(Number(value))} ${when}, and no file may grow beyond`;
    return hint("file-size", text, [said, evidence], "--ulimit fsize=SOFT:HARD, or smaller files");
  }
  const unset = value === undefined ? "" : `; RLIMIT_FSIZE was not set ${when}`;
  return hint("file-size", `${wrote}: RLIMIT_FSIZE, or the largest file of its file system. Which: cannot tell${unset}`, [said, evidence]);
}

const OVERCOMMIT = "/proc/sys/vm/overcommit_memory";

/** A limit of a group (memory.max) ends processes, and refuses them nothing. */
function noMemory(c: Case, { line, words }: Said, said: Evidence): Finding {
  const wrote = `it wrote ${JSON.stringify(line)} (ENOMEM)`;
  const rule = "mmap(2) ENOMEM, getrlimit(2)";
  const [space, data] = [limitOf(c, "Max address space", rule), limitOf(c, "Max data size", rule)];
  const names = [
    ...(space.isSet ? [`RLIMIT_AS, ${formatBytes(Number(space.value))}`] : []),
    ...(data.isSet ? [`RLIMIT_DATA, ${formatBytes(Number(data.value))}`] : []),
  ];
  if (names.length > 0) {
    const text = `${wrote}: it had ${names.join(" and ")} ${space.when}, and may map no more`;
    return hint("memory-limit", text, [said, space.evidence, data.evidence], "--ulimit as=N or data=N, or a program that needs less");
  }
  const mode: Evidence = { source: OVERCOMMIT, value: readIfThere(OVERCOMMIT)?.trim(), rule: "proc_sys_vm(5) overcommit_memory" };
  if (mode.value === "2") {
    const [limit, used] = ["CommitLimit:", "Committed_AS:"].map(bytesOf);
    const now = limit === undefined || used === undefined ? "" : `, ${formatBytes(used)} of ${formatBytes(limit)} now`;
    const text = `${wrote}: the machine promises no more memory than it has (vm.overcommit_memory 2)${now}`;
    return hint("memory-limit", text, [said, mode], "sysctl -w vm.overcommit_memory=0, or a larger vm.overcommit_ratio");
  }
  const dead = words.some((word) => /fork|clone/.test(word)) ? ", or of a PID namespace whose PID 1 has ended (pid_namespaces(7))" : "";
  const unset = space.value === undefined ? "" : `RLIMIT_AS and RLIMIT_DATA were not set ${space.when}, and `;
  const text = `${wrote}. By which limit: cannot tell; ${unset}--memory ends processes and refuses nothing. It may have been one request for more than the machine has, or vm.max_map_count${dead}`;
  return hint("no-memory", text, [said, space.evidence, data.evidence, mode]);
}

/** A line of /proc/meminfo. */
function bytesOf(key: string): number | undefined {
  const kilobytes = Number.parseInt(lineValue(readIfThere("/proc/meminfo") ?? "", key) ?? "", 10);
  return Number.isNaN(kilobytes) ? undefined : kilobytes * 1024;
}
