// Where states are kept: a folder that belongs to the caller and that only the caller can write to, since contain acts on its contents.
import {
  codeOf,
  exists,
  join,
  lstatIfThere,
  makeDirectories,
  mkdir,
  readdir,
  type Stat,
  statIfThere,
  UsageError,
} from "@contain-tools/kernel";

/** `contain --root DIR`: use this folder instead, in this process and its forked children. */
export function useStateFolder(folder: string): void {
  given = folder;
}

let given: string | undefined;

/**
 * The folder of --root or CONTAIN_ROOT; else /run/contain, or for an ordinary user $XDG_RUNTIME_DIR/contain; without that variable
 * /run/user/UID/contain or /tmp/contain-UID. It need not exist.
 *
 * @throws UsageError if it exists and does not belong to the caller
 */
export function stateFolder(): string {
  if (checked !== undefined) return checked; // only the caller could have changed it since
  const folder = choose(given);
  let stat: Stat | undefined;
  try {
    stat = lstatIfThere(folder);
  } catch (error) {
    throw unusable(folder, `${codeOf(error)}`, error);
  }
  if (stat === undefined) return folder;
  check(folder, stat);
  checked = folder;
  return folder;
}

let checked: string | undefined;

/** The same, made if missing. @throws UsageError if it cannot be made or written to */
export function makeStateFolder(): string {
  const folder = stateFolder();
  if (folder === checked) return folder;
  try {
    if (given === undefined) mkdir(folder, 0o700);
    else makeDirectories(folder, 0o700);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw unusable(folder, `${codeOf(error)}`, error);
  }
  return stateFolder();
}

/**
 * Folders to hide from every container: the caller's, the default one, and as root those of login sessions. A state shows the
 * environment of a container, and its socket gives access to its terminal.
 */
export function foldersToHide(): string[] {
  const sessions = uid() === 0 ? readIfListed("/run/user").map((name) => `/run/user/${name}/contain`) : [];
  return [...new Set([stateFolder(), choose(undefined), ...sessions.filter((folder) => exists(folder))])];
}

/** Makes the default folder, so that it can be hidden from a container: one made later would be visible inside. */
export function makeDefaultFolder(): void {
  const folder = choose(undefined);
  if (uid() !== 0 || folder === checked || exists(folder)) return;
  try {
    mkdir(folder, 0o700);
  } catch {
    // somebody was faster, or it cannot exist
  }
}

function readIfListed(dir: string): string[] {
  try {
    return readdir(dir);
  } catch {
    return [];
  }
}

const uid = () => process.geteuid?.() ?? 0;

function choose(wanted: string | undefined): string {
  if (wanted !== undefined) return wanted;
  // In our own user namespace, /run belongs to the host's root, who has no id there.
  if (uid() === 0 && statIfThere("/run")?.uid === 0) return "/run/contain";
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  if (!runtime) return isOwn(`/run/user/${uid()}`) ? `/run/user/${uid()}/contain` : `/tmp/contain-${uid()}`;
  if (!runtime.startsWith("/")) throw new UsageError(`not an absolute path: XDG_RUNTIME_DIR=${runtime}`);
  return join(runtime, "contain");
}

function isOwn(path: string): boolean {
  return lstatIfThere(path)?.uid === uid();
}

function check(folder: string, stat: Stat): void {
  if (stat.isSymbolicLink()) throw unusable(folder, "it is a symbolic link");
  if (!stat.isDirectory()) throw unusable(folder, "not a directory");
  if (stat.uid !== uid()) throw unusable(folder, `it belongs to uid ${stat.uid}, not to ${uid()}`);
  if ((stat.mode & 0o022) !== 0)
    throw unusable(
      folder,
      `others may write to it (mode ${(stat.mode & 0o7777).toString(8)}); ${given === undefined ? `chmod 700 ${folder}` : `a new folder in it is yours alone`}`,
    );
}

/** The folder cannot be used: the reason, and the alternative. */
export function unusable(folder: string, why: string, cause?: unknown): UsageError {
  const fix = `\`contain --root DIR …\`, or CONTAIN_ROOT=DIR, keeps them in DIR: a directory of your own on a writable file system`;
  return new UsageError(`${folder} cannot keep the states of containers: ${why}`, fix, 125, { cause });
}
