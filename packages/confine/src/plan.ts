// What confine is to do.
import type { Next, UserWords } from "@contain-tools/chain";
import type { Limit } from "@contain-tools/kernel";
import type { CapabilitySets } from "./capabilities.ts";
import type { Label } from "./labels.ts";
import type { Listener } from "./listener.ts";
import type { Traced } from "./watcher.ts";

/** What happens to the capabilities; capability N is bit N. */
export interface CapabilityPlan {
  readonly kept: bigint;
  /**
   * caps: PROG gets them whoever it is; we must have them. keep: root has them, and nothing is inheritable, or a file's inheritable
   * capabilities would bring them back (CVE-2022-24769). drop: what the caller has inherited stays.
   */
  readonly how: "caps" | "keep" | "drop";
}

export interface FilterPlan {
  readonly program: Buffer;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** Load it with CAP_SYS_ADMIN instead of no_new_privs. */
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
  /** The five sets one by one; undefined: as in `capabilities`. */
  readonly sets: CapabilitySets | undefined;
  readonly noNewPrivileges: boolean;
  readonly user: UserWords | undefined;
  /** The supplementary groups; undefined: the user's. */
  readonly groups: readonly number[] | undefined;
  readonly umask: number | undefined;
  readonly oomScoreAdj: number | undefined;
  /** Personality, scheduling, memory policy: the calls to make. */
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
