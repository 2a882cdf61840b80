// What nsexec's words mean.
import type { Next, UserWords } from "@contain-tools/chain";
import type { Areas } from "@contain-tools/kernel";
import type { PastaPlan } from "@contain-tools/pasta";
import type { ClockOffset } from "./clocks.ts";
import type { Leave } from "./leave.ts";
import type { IdMaps } from "./maps.ts";
import type { Shifted } from "./shift.ts";
import type { Place } from "./steps/lock.ts";
import type { Wanted } from "./wanted.ts";

export interface Plan {
  readonly entersRoot: true;
  /** New namespaces. */
  readonly wanted: readonly Wanted[];
  /** Namespaces to join: by FILE, or those of `target`. */
  readonly joined: readonly Wanted[];
  /** The process of --target. */
  readonly target: number | undefined;
  /** Describes the joined mounts in errors; undefined: described by the target's PID. */
  readonly place?: string;
  readonly fork: boolean;
  /** 0 for none. */
  readonly deathSignal: number;
  /** It gets its own process group, and the terminal with it. */
  readonly foreground: boolean;
  /** It gets its own process group only. */
  readonly ownGroup: boolean;
  readonly hadTerminal: boolean;
  readonly tty: boolean;
  /** Make it here, from the devpts at /dev/pts. */
  readonly makesTty: boolean;
  readonly intoCgroup: string | undefined;
  readonly maps: IdMaps;
  /** What is in the new root; undefined to keep the caller's. */
  readonly shift: Shifted | undefined;
  /** Paths that nobody inside can make writable, and exceptions; empty for none. */
  readonly lock: readonly Place[];
  readonly propagation: "private" | "slave" | "shared" | "unchanged";
  readonly mountProc: string | undefined;
  readonly hostname: string | undefined;
  /** The NIS domain name. */
  readonly domainname: string | undefined;
  /** The working directory, as the caller names it. */
  readonly wd: string | undefined;
  /** As it is named inside. */
  readonly wdns: string | undefined;
  readonly root: string | undefined;
  /** The target's descriptor whose network namespace to join (--net-socket). */
  readonly netSocket: number | undefined;
  readonly env: readonly string[];
  /** Those that are not UTF-8, by their text. */
  readonly rawEnv: readonly (readonly [string, Buffer])[];
  /** Drop the caller's whole environment. */
  readonly clearEnv: boolean;
  /** Our own command line and environment, to be overwritten in a process that joins others. */
  readonly areas: Areas | undefined;
  readonly user: UserWords | undefined;
  /** The name of the session keyring; undefined to keep the caller's. */
  readonly keyring: string | undefined;
  readonly pasta: PastaPlan | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly offsets: readonly ClockOffset[];
  /** How to leave PROG behind; undefined to stay as its parent. */
  readonly leave: Leave | undefined;
  readonly next: Next;
}
