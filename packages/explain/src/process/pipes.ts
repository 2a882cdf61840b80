// A process that reads from a pipe sees its end only when every writer has closed it, also a background child of a command that has ended
// (pipe(7)).
import type { Finding } from "@contain-tools/chain";
import { readIfThere, readlinkIfThere } from "@contain-tools/kernel";
import { openFilesOf } from "../openfiles.ts";
import { fact, is, some } from "./finding.ts";
import { describe, type Process } from "./processes.ts";
import type { Subject } from "./subject.ts";

const READ = process.arch === "arm64" ? "63" : "0"; // read(2)
const WRITES = /^flags:\s*0*\d*[12]$/m; // O_WRONLY, O_RDWR
const MAX_PROCESSES = 2000; // processes

export function explainPipe({ pid, state, processes }: Subject): Finding[] {
  if (state !== "S" || processes.length > MAX_PROCESSES) return [];
  const call = readIfThere(`/proc/${pid}/syscall`)?.trim() ?? "";
  const [number, fd] = call.split(" ");
  if (number !== READ || fd === undefined) return [];
  const source = `/proc/${pid}/fd/${Number(fd)}`;
  const pipe = readlinkIfThere(source);
  if (!pipe?.startsWith("pipe:[")) return [];
  const writers = processes.filter((other) => other.pid !== pid && !other.kernelThread && writes(other, pipe));
  const proof = [fact(`/proc/${pid}/syscall`, call, "proc_pid_syscall(5), read(2)"), fact(source, pipe, "pipe(7)")];
  if (writers.length === 0) return [];
  const orphans = writers.filter(
    ({ parent }) => processes.find((one) => one.pid === parent)?.namespaces["pid"] !== undefined && isInit(parent),
  );
  const left = orphans.length === 0 ? "" : "; a process in the background keeps the pipe open when the command that started it has ended";
  const text = `it waits for data, or the end, of a pipe that these have open for writing: ${some(writers.map(describe))}${left}`;
  const open = writers.slice(0, 4).map((writer) => fact(`/proc/${writer.pid}/fd`, pipe, "pipe(7)"));
  return [
    is("waits-for-pipe", text, [...proof, ...open], "redirect the output of what stays in the background: `command >/dev/null 2>&1 &`"),
  ];
}

const isInit = (pid: number) => /\s1$/m.test(/^NSpid:.*$/m.exec(readIfThere(`/proc/${pid}/status`) ?? "")?.[0] ?? "");

function writes({ pid }: Process, pipe: string): boolean {
  for (const { fd, file } of openFilesOf(pid)) {
    if (file === pipe && WRITES.test(readIfThere(`/proc/${pid}/fdinfo/${fd}`) ?? "")) return true;
  }
  return false;
}
