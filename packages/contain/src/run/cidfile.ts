// --cidfile: the id in a file, which stays after the container's end, as docker's does.
import {
  access,
  codeOf,
  dirname,
  exists,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  resolve,
  statIfThere,
  ToolError,
  UsageError,
  W_OK,
  write,
  writeFile,
} from "@contain-tools/kernel";
import type { RunPlan } from "./plan.ts";

/** @throws UsageError if it could not be written; nothing is changed */
export function checkCidfile(file: string | undefined): string | undefined {
  if (file === undefined || file === "-") return file;
  if (exists(file))
    throw new UsageError(`--cidfile ${file}: already exists`, "it may be another container's: remove it, or choose another name");
  const folder = dirname(resolve(file));
  if (!statIfThere(folder)?.isDirectory()) throw new UsageError(`--cidfile ${file}: there is no directory ${folder}`);
  try {
    access(folder, W_OK);
  } catch (error) {
    throw new UsageError(`--cidfile ${file}: ${folder} cannot be written to: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
  return file;
}

/** @throws ToolError if another process has just made it */
export function writeCidfile({ cidfile: file, id, detach }: Pick<RunPlan, "cidfile" | "id" | "detach">): void {
  if (file === undefined) return;
  if (file === "-") {
    if (!detach) write(1, `${id}\n`);
    return;
  }
  try {
    writeFile(file, id, 0o666, O_WRONLY | O_CREAT | O_EXCL);
  } catch (error) {
    throw new ToolError(`--cidfile ${file}: cannot be written: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
}
