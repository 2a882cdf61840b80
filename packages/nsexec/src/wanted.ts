// Which namespaces a plan is about.
import type { NamespaceKind } from "@contain-tools/kernel";

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
