// A root file system from a tar or an image. A failure leaves nothing behind.
import { type Context, warn } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { dirname, exit, failedWith, hasSignal, lstatIfThere, resolve, shellStatus, signalNumber } from "@contain-tools/kernel";
import { makeDirectory } from "./fromhost.ts";

interface FromFile {
  readonly dir: string;
  /** A file, a directory, or `-`. */
  readonly from: string;
  readonly image: string | undefined;
  readonly platform: string | undefined;
}

/** Unpacks it, and prints the command that runs an image's program. */
export async function unpackRootfs(context: Context, { dir, from, ...wanted }: FromFile): Promise<never> {
  context.verbose = true;
  process.umask(0o022);
  const { removeDirectory, unpack } = await import("@contain-tools/image"); // no other command needs it
  const made = topmostMissing(dir);
  const undo = () => {
    try {
      removeDirectory(made ?? dir, made === undefined);
    } catch (error) {
      if (!failedWith(error, "ENOENT")) warn(`${made ?? dir} is left: ${error instanceof Error ? error.message : error}`);
    }
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const signal = signalNumber(name) ?? 0;
    if (hasSignal(context.launch.ignored, signal)) continue;
    process.once(name, () => {
      undo();
      exit(shellStatus(signal));
    });
  }
  try {
    if (made !== undefined) makeDirectory(dir);
    const line = await unpack(context, dir, from, wanted);
    if (line !== undefined) print(`${line}\n`);
    return exit(0);
  } catch (error) {
    undo();
    throw error;
  }
}

/** The directory to remove so that nothing of `dir` is left; undefined if `dir` exists. */
function topmostMissing(dir: string): string | undefined {
  let missing: string | undefined;
  for (let path = resolve(dir); lstatIfThere(path) === undefined; path = dirname(path)) missing = path;
  return missing;
}
