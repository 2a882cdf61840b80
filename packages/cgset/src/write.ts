// Writes one limit, and explains a warning or an error.
import { type Context, sayWrite, warn } from "@contain-tools/chain";
import { exists, readdir, readIfThere, SyscallError, ToolError, writeKernelFile } from "@contain-tools/kernel";
import type { Write } from "./limits.ts";

export function writeLimit(context: Context, dir: string, { file, value }: Write): void {
  const path = `${dir}/${file}`;
  if (!exists(path)) {
    const bfq = file === "io.weight" ? bfqWeight(value) : undefined;
    if (bfq !== undefined && exists(`${dir}/io.bfq.weight`)) {
      writeLimit(context, dir, { file: "io.bfq.weight", value: bfq });
      return;
    }
    if (file === "memory.swap.max" && value === "0") return; // a kernel without swap accounting has nothing to forbid
    throw new ToolError(
      `${path}: this kernel has no such file`,
      `the files of the group: ${
        readdir(dir)
          .filter((name) => name.startsWith(`${file.split(".")[0]}.`))
          .join(" ") || "none of that controller"
      }`,
    );
  }
  warnBelowUsage(dir, file, value);
  sayWrite(context, file, value);
  try {
    writeKernelFile(path, value);
  } catch (error) {
    throw explainWrite(error, file, value);
  }
}

/** The BFQ scheduler has its own weights, 1 to 1000 instead of 10000 (Documentation/block/bfq-iosched.rst). */
function bfqWeight(value: string): string | undefined {
  const [, device = "", weight = ""] = /^(?:(default|\d+:\d+) )?(\d+)$/.exec(value) ?? [];
  if (weight === "") return undefined;
  const number = Math.min(1000, Math.max(1, Math.ceil(Number(weight) / 10)));
  return device === "" || device === "default" ? `${number}` : `${device} ${number}`;
}

/** memory.max below memory.current is allowed: the kernel reclaims, and kills if that is not enough. */
function warnBelowUsage(dir: string, file: string, value: string): void {
  const current = {
    "memory.max": "memory.current",
    "memory.high": "memory.current",
    "memory.swap.max": "memory.swap.current",
    "pids.max": "pids.current",
  }[file];
  const usage = current === undefined ? undefined : readIfThere(`${dir}/${current}`)?.trim();
  if (usage === undefined || !/^\d+$/.test(value) || BigInt(value) >= BigInt(usage)) return;
  const what =
    file === "memory.max"
      ? "the kernel reclaims now, and kills by OOM what it cannot"
      : file === "pids.max"
        ? "nothing is killed, but fork(2) fails with EAGAIN"
        : "the kernel reclaims now";
  warn(`${file} ${value} is below the present use, ${current} ${usage}: ${what}`);
}

function explainWrite(error: unknown, file: string, value: string): unknown {
  if (!(error instanceof SyscallError)) return error;
  const why: Readonly<Record<string, string>> = {
    EINVAL: `the kernel refuses the value ${value} for ${file} (cgroup-v2.rst)`,
    ERANGE: `${value} is out of range for ${file} (cgroup-v2.rst)`,
    ENODEV: "no such block device; io.max takes whole disks, not partitions",
    EACCES: `the group was not delegated to you, or ${file} belongs to its parent (cgroups(7), "Delegation")`,
  };
  const hint = why[error.code];
  return hint === undefined ? error : new ToolError(error.message, hint, 125, { cause: error });
}
