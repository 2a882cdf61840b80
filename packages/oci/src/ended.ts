// What is remembered of containers that were deleted: a file each, below --root, for `contain explain`. The newest are kept. A root that
// is not the usual one is entered beside the usual one's containers, so that it is found without knowing the engine.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { resolve } from "node:path";
import type { End } from "./exit.ts";
import { DEFAULT_ROOT, writeWhole } from "./state.ts";

// No container's ID has an @.
const ENDED = "@ended";
const ROOTS = `${DEFAULT_ROOT}/@roots`;
const MOST = 100; // containers that are remembered

/** `contain explain` reads it (state's others.ts). */
export interface Ended {
  readonly id: string;
  readonly name: string | undefined;
  readonly pid: number | undefined;
  readonly argv: readonly string[];
  readonly group: string | undefined;
  /** As a shell reports it in $?; undefined where it is not known. */
  readonly status: number | undefined;
  readonly reason: string;
  /** Where the status stands, or why it does not. */
  readonly told: End["told"];
  readonly verdict: readonly unknown[];
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who has seen it end. */
  readonly by: "contain-oci";
}

export function remember(root: string, ended: Ended): void {
  const folder = `${resolve(root)}/${ENDED}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeWhole(`${folder}/${ended.id}.json`, JSON.stringify(ended));
  const names = readdirSync(folder);
  if (names.length <= MOST) return;
  const aged = names.map((name) => ({
    path: `${folder}/${name}`,
    at: statSync(`${folder}/${name}`, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  }));
  for (const { path } of aged.sort((a, b) => b.at - a.at).slice(MOST)) rmSync(path, { force: true });
}

/** Enters a root, and takes out those that are gone. What cannot be written there keeps nobody from a container. */
export function enterRoot(given: string): void {
  const root = resolve(given);
  const link = `${ROOTS}/${encodeURIComponent(root)}`;
  if (root === DEFAULT_ROOT || existsSync(link)) return;
  try {
    mkdirSync(ROOTS, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(ROOTS)) if (!existsSync(`${ROOTS}/${name}`)) rmSync(`${ROOTS}/${name}`, { force: true });
    symlinkSync(root, link);
  } catch {
    // an ordinary user, a full or read-only /run, a name that is too long
  }
}
