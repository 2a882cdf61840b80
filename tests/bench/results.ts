// What was measured, by the names of the bars.
import type { Times } from "./times.ts";

export interface Results {
  /** `contain run -- /bin/true`, the same with an init ("NAME, init"), and bare Node. */
  readonly run: Map<string, Times>;
  readonly namespaces: Map<string, Times>;
  /** A program that does nothing, and the same by our launchers. */
  readonly launcher: Map<string, Times>;
  /** The biggest crowd: how many were started, how many ran and ended well; bytes of private memory of each supervisor. */
  crowd?: { count: number; well: number; supervisor: number };
  /** Bytes of private memory of an init. */
  init?: number;
  /** Medians of the first and of the last of many, one after the other; of who ran between them too. */
  row?: { first: number; last: number; control: { first: number; last: number } };
}
