// Where states are kept: a folder that belongs to the caller and that nobody else can write to, since what stands there is acted upon.
import { existsSync, lstatSync, mkdirSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, UsageError } from "@contain-tools/kernel";

/** `contain --root DIR`: this folder instead, for the rest of this process, and of what is forked from it. */
export function useStateFolder(folder: string): void {
  given = folder;
}

let given: string | undefined;

/**
 * What --root or CONTAIN_ROOT says; else /run/contain, or for an ordinary user $XDG_RUNTIME_DIR/contain; without that variable
 * /run/user/UID/contain or /tmp/contain-UID. It need not be there.
 *
 * @throws UsageError when it is there and is not the caller's own
 */
export function stateFolder(): string {
  if (checked !== undefined) return checked; // nobody else could change it since
  const folder = choose(given);
  let stat: Stats | undefined;
  try {
    stat = lstatSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    throw unusable(folder, `${codeOf(error)}`, error);
  }
  if (stat === undefined) return folder;
  check(folder, stat);
  checked = folder;
  return folder;
}

let checked: string | undefined;

/** The same, made if it is not there. @throws UsageError when it cannot be made or written to */
export function makeStateFolder(): string {
  const folder = stateFolder();
  if (folder === checked) return folder;
  try {
    mkdirSync(folder, { mode: 0o700, recursive: given !== undefined });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw unusable(folder, `${codeOf(error)}`, error);
  }
  return stateFolder();
}

/**
 * Folders that nobody inside a container is to see: the caller's, the one that would be without --root, and as root those of login
 * sessions. Whoever reads a state sees the environment of a container, and whoever reaches its socket has its terminal.
 */
export function foldersToHide(): string[] {
  // One that is made later would be seen inside.
  if (uid() === 0) makeQuietly(choose(undefined));
  const sessions = uid() === 0 ? readIfListed("/run/user").map((name) => `/run/user/${name}/contain`) : [];
  return [...new Set([stateFolder(), choose(undefined), ...sessions.filter((folder) => existsSync(folder))])];
}

function makeQuietly(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    // it is there, or there will be none
  }
}

function readIfListed(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

const uid = () => process.geteuid?.() ?? 0;

function choose(wanted: string | undefined): string {
  if (wanted !== undefined) return wanted;
  // In a user namespace of one's own /run still belongs to the host's root, whom that namespace does not have.
  if (uid() === 0 && statSync("/run", { throwIfNoEntry: false })?.uid === 0) return "/run/contain";
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  if (!runtime) return isOwn(`/run/user/${uid()}`) ? `/run/user/${uid()}/contain` : `/tmp/contain-${uid()}`;
  if (!runtime.startsWith("/")) throw new UsageError(`XDG_RUNTIME_DIR=${runtime}: it is not an absolute path`);
  return join(runtime, "contain");
}

function isOwn(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.uid === uid();
}

function check(folder: string, stat: Stats): void {
  if (stat.isSymbolicLink()) throw unusable(folder, "it is a symbolic link");
  if (!stat.isDirectory()) throw unusable(folder, "it is not a directory");
  if (stat.uid !== uid()) throw unusable(folder, `it belongs to uid ${stat.uid}, not to ${uid()}`);
  if ((stat.mode & 0o022) !== 0)
    throw unusable(
      folder,
      `others may write to it (mode ${(stat.mode & 0o7777).toString(8)}); ${given === undefined ? `chmod 700 ${folder}` : `a new folder in it is yours alone`}`,
    );
}

/** The folder cannot be used, and why; what else can be. */
export function unusable(folder: string, why: string, cause?: unknown): UsageError {
  const fix = `\`contain --root DIR …\`, or CONTAIN_ROOT=DIR, keeps them in DIR: a folder of your own, on a file system that can be written to`;
  return new UsageError(`${folder} cannot keep the states of containers: ${why}`, fix, 125, { cause });
}
