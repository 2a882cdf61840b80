// Which namespaces a plan is about.

import { existsSync } from "node:fs";
import type { Options } from "@contain-tools/chain";
import type { NamespaceKind } from "@contain-tools/kernel";
import { NAMESPACES, processExists, quote, UsageError } from "@contain-tools/kernel";
import type { IdMaps } from "./maps.ts";
import type { Name } from "./options.ts";

/** A namespace to make or to join. */
export interface Wanted {
  readonly kind: NamespaceKind;
  /** Where to keep a new one, or which one to join. */
  readonly file: string | undefined;
}

/** Their CLONE_NEW* bits. */
export function flagsOf(wanted: readonly Wanted[]): number {
  let bits = 0;
  for (const { kind } of wanted) bits |= kind.flag;
  return bits;
}

export function readWanted(given: Options<Name>, target: number | undefined, maps: IdMaps): Wanted[] {
  const implied = new Set<string>();
  if (target === undefined) {
    if (given.has("mount-proc")) implied.add("mount");
    if (given.has("hostname")) implied.add("uts");
    if (given.has("pasta")) implied.add("net");
    if (given.has("monotonic") || given.has("boottime")) implied.add("time");
    if (maps.user.length > 0 || maps.group.length > 0) implied.add("user");
  }
  const wanted = NAMESPACES.filter(
    ({ name }) => given.has(name) || implied.has(name) || (given.has("all") && (target !== undefined || name !== "user")),
  ).map((k) => ({
    kind: k,
    file: given.value(k.name),
  }));
  if (target !== undefined) {
    checkTarget(target, given);
    if (wanted.length === 0 && !given.has("net-socket"))
      throw new UsageError(`-t ${target}: which of its namespaces?`, "-m -u -i -n -p -U -C -T, or -a for all");
  }
  for (const { file, kind: k } of wanted) {
    if (file !== undefined && !existsSync(file)) {
      throw new UsageError(
        `--${k.name}=${file}: no such file`,
        target === undefined ? `a namespace is kept by a bind mount, which needs a file to lie on: touch ${quote(file)}` : undefined,
      );
    }
  }
  return wanted;
}

function checkTarget(target: number, given: Options<Name>): void {
  const creating = (
    [
      "monotonic",
      "boottime",
      "mount-proc",
      "propagation",
      "setgroups",
      "map-auto",
      "map-root-user",
      "map-user",
      "shift",
      "lock",
      "pasta",
    ] as const
  ).find((name) => given.has(name));
  if (creating !== undefined) throw new UsageError(`--${creating} is for new namespaces, --target joins those of PID ${target}`);
  if (!processExists(target)) throw new UsageError(`-t ${target}: there is no such process`, "PIDs are those of this PID namespace");
}
