// What is remembered of deleted containers: one file each below --root, for `contain explain`; the newest are kept. An unusual root is
// listed next to the default root's containers, so that it is found without knowing the engine.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { resolve } from "node:path";
import type { End } from "./exit.ts";
import { DEFAULT_ROOT, writeWhole } from "./state.ts";

// No container's ID has an @.
const ENDED = "@ended";
const ROOTS = `${DEFAULT_ROOT}/@roots`;
const MOST = 100; // containers remembered

/** `contain explain` reads it (state's others.ts). */
export interface Ended {
  readonly id: string;
  readonly name: string | undefined;
  readonly pid: number | undefined;
  readonly argv: readonly string[];
  readonly group: string | undefined;
  /** As a shell reports it in $?; undefined if it is not known. */
  readonly status: number | undefined;
  readonly reason: string;
  /** Where the status was read, or why it is not known. */
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

/** Lists a root, and drops those that are gone. A failure to write does not affect a container. */
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
