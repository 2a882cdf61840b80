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
  /** The name of the place behind the joined mounts, for errors; undefined: named by the target's PID. */
  readonly place?: string;
  readonly fork: boolean;
  /** 0 for none. */
  readonly deathSignal: number;
  /** It gets a process group of its own, and the terminal with it. */
  readonly foreground: boolean;
  /** It gets a process group of its own alone. */
  readonly ownGroup: boolean;
  readonly hadTerminal: boolean;
  readonly tty: boolean;
  /** It is to be made here, of the devpts that PROG finds at /dev/pts. */
  readonly makesTty: boolean;
  readonly intoCgroup: string | undefined;
  readonly maps: IdMaps;
  /** What is in the new root; undefined to keep the caller's. */
  readonly shift: Shifted | undefined;
  /** What nobody inside can make writable, and exceptions; empty for nothing. */
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
  /** The descriptor of the target whose network namespace is joined. */
  readonly netSocket: number | undefined;
  readonly env: readonly string[];
  /** Those that are not UTF-8, by what they read as. */
  readonly rawEnv: readonly (readonly [string, Buffer])[];
  /** Nothing of the caller's environment is left. */
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
  /** How PROG is left behind; undefined to stay as its parent. */
  readonly leave: Leave | undefined;
  readonly next: Next;
}
