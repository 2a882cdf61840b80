// `contain run --detach`: the supervisor is a forked copy of us, in its own session. We wait until the program runs or has failed to start,
// and then end. Errors until then go to our standard error and our exit status.
import { type Context, fork, replaceStdio } from "@contain-tools/chain";
import {
  chdir,
  close,
  closeAllBut,
  closeQuietly,
  codeOf,
  dup2,
  duplicate,
  exit,
  getpid,
  kill,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  open,
  pipe,
  read,
  runtimeEvents,
  SIGTERM,
  setsid,
  shellStatus,
  uninterrupted,
  waitpid,
  write,
} from "@contain-tools/kernel";
import { ownLogOf } from "@contain-tools/state";

/** A supervisor in the background. */
export interface Background {
  /** Tells the waiting caller that the program runs, and leaves the caller's directory. */
  readonly started: () => void;
  /** Returns to that directory, where the container's relative paths begin. */
  readonly again: () => void;
}

interface How {
  /** The id is not printed. */
  readonly quiet?: boolean;
  /** Descriptors passed to the program stay open for its next start. */
  readonly lasts?: boolean;
}

/** Runs `serve` in the background, and ends: with the id on standard output, or with the status of a start that failed. */
export function startInBackground(
  context: Context,
  id: string,
  serve: (background: Background) => number,
  { quiet = false, lasts = false }: How = {},
): never {
  const answer = pipe();
  const pid = fork(context, { flags: 0 }, () => {
    setsid();
    const caller = keepOnly(context, answer.write);
    let home: string | undefined;
    return exit(
      serve({
        started: () => {
          if (home !== undefined) return chdir("/");
          home = process.cwd();
          letCallerGo(id, [caller, ...(lasts ? [] : context.passed)]);
        },
        again: () => {
          try {
            chdir(home ?? "/");
          } catch {
            // it has been removed: relative paths will be reported as missing
          }
        },
      }),
    );
  });
  close(answer.write);
  if (uninterrupted(() => read(answer.read, Buffer.alloc(1))) === 1) {
    if (!quiet) write(1, `${id}\n`);
    return exit(0);
  }
  return exit(shellStatus(waitpid(pid, 0)?.status ?? 0));
}

/** Closes the runtime's descriptors and those that the caller left open, except those for the program. */
function keepOnly(context: Context, fd: number): number {
  const kept = duplicate(fd, 3 + context.preserveFds);
  closeAllBut([...context.passed, kept, ...runtimeEvents()]);
  context.inherited = []; // the log's pipes will get their numbers
  return kept;
}

/** In the child that will be the program: nothing to read, and output to the log. */
export function redirect(context: Context, [stdout = -1, stderr = -1]: readonly number[]): void {
  const input = open("/dev/null");
  replaceStdio(context, input, stdout, stderr);
  for (const fd of [input, stdout, stderr]) close(fd);
}

function letCallerGo(id: string, [caller = -1, ...inherited]: readonly number[]): void {
  leaveCaller(id);
  for (const fd of inherited) closeQuietly(fd);
  try {
    write(caller, "1");
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
    kill(getpid(), SIGTERM); // the caller was killed, so nobody learns the id
  }
  close(caller);
}

/** Releases the caller's terminal, pipes and directory. */
function leaveCaller(id: string): void {
  const input = open("/dev/null");
  const output = open(ownLogOf(id), O_WRONLY | O_CREAT | O_APPEND, 0o600);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  close(input);
  close(output);
  chdir("/");
}
