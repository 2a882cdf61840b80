// What confine is to do.
import type { Next, UserWords } from "@contain-tools/chain";
import type { Limit } from "@contain-tools/kernel";
import type { CapabilitySets } from "./capabilities.ts";
import type { Label } from "./labels.ts";
import type { Listener } from "./listener.ts";
import type { Traced } from "./watcher.ts";

/** What becomes of the capabilities; capability N is bit N. */
export interface CapabilityPlan {
  readonly kept: bigint;
  /**
   * caps: they are given to PROG whoever it is, and must be there. keep: root has them, and nothing is inherited, lest a file's inheritable
   * capabilities gave them back (CVE-2022-24769). drop: what the caller has inherited stays.
   */
  readonly how: "caps" | "keep" | "drop";
}

export interface FilterPlan {
  readonly program: Buffer;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** It is loaded with CAP_SYS_ADMIN instead of no_new_privs. */
  readonly privileged: boolean;
  /** Who answers SCMP_ACT_NOTIFY; undefined without such a rule. */
  readonly listener: Listener | undefined;
  /** undefined: refusals are not reported. */
  readonly traced: Traced | undefined;
}

/** What --landlock leaves. */
export interface AllowedPath {
  readonly path: string;
  readonly writable: boolean;
}

export interface Plan {
  /** undefined: all stay. */
  readonly capabilities: CapabilityPlan | undefined;
  /** The five sets one by one; undefined: by `capabilities`. */
  readonly sets: CapabilitySets | undefined;
  readonly noNewPrivileges: boolean;
  readonly user: UserWords | undefined;
  /** The supplementary groups; undefined: those of the user. */
  readonly groups: readonly number[] | undefined;
  readonly umask: number | undefined;
  readonly oomScoreAdj: number | undefined;
  /** Personality, scheduling, memory policy: calls to be made. */
  readonly attributes: readonly (() => void)[];
  readonly labels: readonly Label[];
  /** What is to be warned of. */
  readonly remarks: readonly string[];
  readonly limits: readonly Limit[];
  /** Empty: files are not restricted. */
  readonly paths: readonly AllowedPath[];
  readonly filter: FilterPlan | undefined;
  readonly next: Next;
}
