// A world with /etc/subuid and /etc/subgid of its own.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before } from "node:test";
import type { World } from "./world.ts";

export interface SubordinateIds {
  /** What the files say from now on. */
  set(uids: string, gids?: string): void;
}

export function subordinateIds(world: World, dir: string): SubordinateIds {
  const files = ["subuid", "subgid"].map((name) => join(dir, name));
  const set = (...texts: readonly [string, string]) => {
    for (const [i, file] of files.entries()) writeFileSync(file, texts[i] ?? "");
  };
  before(() => {
    set("", "");
    const { status, stderr } = world.sh(files.map((file) => `mount --bind ${file} /etc/${file.slice(dir.length + 1)}`).join(" && "));
    if (status !== 0) throw new Error(stderr);
  });
  return { set: (uids, gids = uids) => set(uids, gids) };
}
