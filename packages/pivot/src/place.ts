// Finds where to mount inside a root that may be hostile.
import { close, codeOf, failedWith, makeInRoot, openInRoot, SyscallError, ToolError } from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";

/** Calls `act` with a descriptor of exactly what `path` is inside the root, whatever symbolic links a hostile rootfs has there. */
export function mountAt<T>(
  plan: Plan,
  root: number,
  path: string,
  act: (target: number) => T,
  kind: "directory" | "file" = "directory",
): T {
  const fd = place(plan, root, path, kind);
  try {
    return act(fd);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new ToolError(`${path}: ${error.message}`, error.hint, 125, { cause: error }); // the call itself names only a descriptor
  } finally {
    close(fd);
  }
}

/** How many dangling symbolic links are followed, as the kernel limits others (path_resolution(7)). */
export const MAX_LINKS = 40;

/** True if nothing can be created in the root any more. */
const isFixed = ({ readOnly, defaults }: Plan) => readOnly && defaults;

/** What `path` is inside the root; created if the root is writable. */
function place(plan: Plan, root: number, path: string, kind: "directory" | "file"): number {
  try {
    return isFixed(plan) ? openInRoot(root, path) : makeInRoot(root, path, kind, plan.defaults ? 0 : MAX_LINKS);
  } catch (error) {
    const code = error instanceof SyscallError ? error.code : codeOf(error);
    if (!isFixed(plan) && code !== undefined && code !== "ENOSYS") {
      const dangling = code === "ENOENT" ? "a symbolic link that leads nowhere is in the way" : undefined;
      throw new ToolError(`${path} cannot be made in ${plan.rootfs}: ${code}`, dangling, 125, { cause: error });
    }
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
    const without = path === "/proc" || path === "/dev" ? `, or leave it out: --no-${path.slice(1)}` : "";
    throw new ToolError(
      `${path} does not exist in ${plan.rootfs}`,
      `a mount needs something to lie on, and a read-only root cannot be given it: make it on the host, or use --rw${without}`,
      125,
      { cause: error },
    );
  }
}
