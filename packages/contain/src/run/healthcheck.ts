// One check: a program inside, started as by `contain exec`, and its output.
import { become, type Context, type Link, replaceStdio, runAs } from "@contain-tools/chain";
import {
  close,
  kill,
  open,
  POLLIN,
  pidfdOpen,
  pipe,
  readNow,
  SIGKILL,
  type Source,
  setNonBlocking,
  sharePipes,
  shellStatus,
  WNOHANG,
  waitpid,
} from "@contain-tools/kernel";
import { inside, type Plan as NsexecPlan, spawn } from "@contain-tools/nsexec";

export interface Check {
  readonly kill: () => void;
  readonly killed: boolean;
}

const LEFT = 4096; // bytes of output that are kept

/**
 * Starts a check in its own process group. All signals must be blocked.
 *
 * @param ended gets its exit status, as a shell has it, and the end of its output
 * @throws SyscallError, ToolError, UsageError if it was not started
 */
export function startCheck(
  context: Context,
  joiner: Link<NsexecPlan>,
  sources: Source[],
  ended: (exit: number, output: string) => void,
): Check {
  const { read, write } = pipe();
  setNonBlocking(read);
  sharePipes([write]);
  const { plan } = joiner;
  const spawned = (() => {
    try {
      return runAs(context, joiner, (inner) =>
        spawn(inner, plan, (own) => {
          replaceStdio(own, open("/dev/null"), write, write);
          inside(own, plan);
          return become(own, plan.next);
        }),
      );
    } catch (error) {
      close(read);
      throw error;
    } finally {
      close(write);
    }
  })();
  const { pid, report } = spawned;
  const pidfd = pidfdOpen(pid);
  const chunk = Buffer.alloc(LEFT);
  let text = Buffer.alloc(0);
  let isOpen = true;
  const take = () => {
    const length = readNow(read, chunk);
    if (length === 0) isOpen = false;
    if (length) text = Buffer.concat([text, chunk.subarray(0, length)]).subarray(-LEFT);
    return length ?? 0;
  };
  const output: Source = { fd: read, wants: () => (isOpen ? POLLIN : undefined), ready: take };
  const check = {
    killed: false,
    kill: () => {
      check.killed = true;
      kill(-pid, SIGKILL);
      kill(pid, SIGKILL);
    },
  };
  const end: Source = {
    fd: pidfd,
    wants: () => POLLIN,
    ready: () => {
      const status = waitpid(pid, WNOHANG)?.status;
      if (status === undefined) return;
      while (take() > 0) {
        // what is left in the pipe
      }
      for (const source of [output, end]) sources.splice(sources.indexOf(source), 1);
      for (const fd of [pidfd, read, report]) close(fd);
      ended(shellStatus(status), text.toString());
    },
  };
  sources.push(output, end);
  return check;
}
