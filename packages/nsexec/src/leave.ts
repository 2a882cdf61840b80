// --leave: checks which options do not go with it. steps/leave.ts does the work.
import type { Options } from "@contain-tools/chain";
import { access, codeOf, dirname, resolve, statIfThere, UsageError, W_OK, X_OK } from "@contain-tools/kernel";
import type { Name } from "./options.ts";

/** How PROG is left behind. */
export interface Leave {
  readonly pidFile: string | undefined;
  /** The Unix socket that gets the master of the pseudo-terminal; undefined without --tty. */
  readonly consoleSocket: string | undefined;
}

const NEEDS_PARENT = ["kill-child", "foreground", "own-group", "pasta"] as const;

/** @throws UsageError */
export function readLeave(given: Options<Name>): Leave | undefined {
  const consoleSocket = given.value("console-socket");
  if (!given.has("leave")) {
    const alone = (["pid-file", "console-socket"] as const).find((name) => given.has(name));
    if (alone !== undefined) throw new UsageError(`--${alone} needs --leave`);
    return undefined;
  }
  const other = NEEDS_PARENT.find((name) => given.has(name));
  if (other !== undefined) throw new UsageError(`--leave and --${other} exclude each other`, `--${other} needs a parent that stays`);
  if (given.has("tty") !== (consoleSocket !== undefined))
    throw new UsageError(
      given.has("tty") ? "--leave --tty needs --console-socket" : "--console-socket needs --tty",
      "somebody has to hold the outer end of the pseudo-terminal: a process that listens at a Unix socket gets it",
    );
  if (consoleSocket !== undefined && !statIfThere(consoleSocket)?.isSocket())
    throw new UsageError(`--console-socket ${consoleSocket}: no such socket`);
  return { pidFile: checkPidFile(given.value("pid-file")), consoleSocket };
}

function checkPidFile(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const folder = dirname(resolve(file));
  if (statIfThere(file)?.isDirectory()) throw new UsageError(`--pid-file ${file}: is a directory`);
  try {
    access(folder, W_OK | X_OK);
  } catch (error) {
    throw new UsageError(`--pid-file ${file}: ${folder} cannot be written to: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
  return file;
}
