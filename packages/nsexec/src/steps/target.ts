import { codeOf, readBytes, readIdMap, readIfThere, statusField, ToolError } from "@contain-tools/kernel";

const IDS = {
  "--setuid": { field: "Uid", map: "uid_map" },
  "--setgid": { field: "Gid", map: "gid_map" },
} as const;

/** The target's effective id, as a joined user namespace numbers it. @throws ToolError if it has no number there */
export function followedId(option: keyof typeof IDS, pid: number, joinsUser: boolean): number {
  const { field, map } = IDS[option];
  const id = Number(statusField(readIfThere(`/proc/${pid}/status`) ?? "", field)?.split("\t")[1] ?? Number.NaN);
  const range = joinsUser ? readIdMap(pid, map).find(({ outer, count }) => id >= outer && id < outer + count) : { inner: id, outer: id };
  if (range !== undefined && !Number.isNaN(id)) return range.inner + id - range.outer;
  throw new ToolError(`${option} follow: PID ${pid} has no such id in its user namespace`, `see /proc/${pid}/${map}`);
}

/**
 * The environment that the target was started with: NAME=VALUE, each with a NUL after it (proc_pid_environ(5)). @throws ToolError if it
 * cannot be read
 */
export function environmentOf(pid: number): Buffer {
  try {
    return readBytes(`/proc/${pid}/environ`);
  } catch (error) {
    throw new ToolError(
      `--target-env: the environment of PID ${pid} cannot be read: ${codeOf(error)}`,
      "it is its owner's and root's (proc_pid_environ(5))",
    );
  }
}
