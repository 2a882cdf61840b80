/**
 * Processes: a fork that continues in TypeScript, waiting, pidfds, names, limits.
 *
 * `clone3` needs Node with `--v8-pool-size=0 --single-threaded --expose-gc`: the child has only the thread that forked. It must stay
 * synchronous, and end in `exit` or in another program.
 *
 * ```ts
 * import { CLONE_NEWPID } from "@contain-tools/kernel/namespace";
 * import { clone3, exit, getpid, shellStatus, waitpid } from "@contain-tools/kernel/process";
 *
 * const pid = clone3({ flags: CLONE_NEWPID }, () => exit(40 + getpid())); // PID 1 of a new PID namespace
 * console.log(shellStatus(waitpid(pid, 0)?.status ?? 0)); // 41
 * ```
 *
 * @packageDocumentation
 */
export { CLONE_PARENT } from "../process/cloneflags.ts";
export { type CloneArgs, clone3, prepareFork } from "../process/fork.ts";
export {
  endSignal,
  exit,
  getpid,
  getppid,
  hasChildren,
  hasEnded,
  pidfdGetfd,
  pidfdOpen,
  pidfdStatus,
  setChildSubreaper,
  setDumpable,
  setName,
  shellStatus,
  stopSignal,
  type Waited,
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
  waitpid,
  wasContinued,
} from "../process/process.ts";
export { getLimit, type Limit, RESOURCES, type Resource, RLIM_INFINITY, setLimit } from "../process/rlimit.ts";
