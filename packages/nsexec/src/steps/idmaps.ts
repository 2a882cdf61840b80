// Writes the maps of a new user namespace: by ourselves, or by newuidmap(1) and newgidmap(1) for an ordinary user's ranges.
import { type Context, execProgram, fork } from "@contain-tools/chain";
import { type IdRange, shellStatus, signalName, ToolError, waitpid, writeIdMap, writeSetgroups } from "@contain-tools/kernel";
import type { IdMaps } from "../maps.ts";

/** Writes setgroups, uid_map and gid_map of the process born in the new user namespace. @throws SyscallError, ToolError */
export function writeMaps(context: Context, pid: number, maps: IdMaps): void {
  const helper = maps.subordinate && process.geteuid?.() !== 0;
  if (maps.setgroups !== undefined) writeSetgroups(pid, maps.setgroups);
  for (const [file, ranges] of [
    ["uid_map", maps.user],
    ["gid_map", maps.group],
  ] as const) {
    if (ranges.length === 0) continue;
    if (helper) runHelper(context, `new${file.replace("_", "")}`, pid, ranges);
    else writeIdMap(pid, file, ranges);
  }
}

/** newuidmap(1) is set-user-id root: it checks the ranges against /etc/subuid and writes the map for us. */
function runHelper(context: Context, program: string, pid: number, ranges: readonly IdRange[]): void {
  const argv = [program, `${pid}`, ...ranges.flatMap(({ inner, outer, count }) => [`${inner}`, `${outer}`, `${count}`])];
  const helper = fork(context, { flags: 0 }, () => execProgram(context, argv));
  const status = shellStatus(waitpid(helper, 0)?.status ?? 0);
  if (status !== 0) throw new ToolError(`${argv.join(" ")}: exit status ${status}`, explainHelper(program, status));
}

/** newuidmap(1) exits with 1 for every error, and prints which. */
function explainHelper(program: string, status: number): string {
  const file = `/etc/sub${program.slice(3, 6)}`;
  if (status === 127) return `an ordinary user gets ranges of ids only through ${program}; Debian has it in the package uidmap`;
  if (status === 126) return `${program} cannot be executed: see its mode`;
  if (status > 128) return `a signal ended it: ${signalName(status - 128)}`;
  return `${program} allows only the ranges that ${file} gives to you ("not allowed"); "write to ${program.slice(3, 6)}_map failed" means that it has no privileges: it is not set-user-ID root, no_new_privs is set, or an outer user namespace does not have these ids`;
}
