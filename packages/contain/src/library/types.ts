// What goes into run(), and what comes back.
import type { StdioOptions } from "node:child_process";

/** A container to run. What is not given is as `contain run` has it. */
export interface RunSpec {
  /** The program and its arguments: a path inside, or a name that is looked up on the container's PATH. */
  readonly command: readonly string[];
  /** The directory that becomes the root; without it the host's own root, read-only. */
  readonly rootfs?: string;
  /** Leaves the root writable. */
  readonly rw?: boolean;
  readonly name?: string;
  readonly hostname?: string;
  /** The program's variables, beside PATH, HOME, TERM and HOSTNAME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly user?: string;
  /** `SRC:DST[:ro]`, each. */
  readonly volumes?: readonly string[];
  /** memory.max: bytes, or with a unit: "64M". */
  readonly memory?: number | string;
  /** CPUs, below 1000: 0.5; or µs of each 100 ms. */
  readonly cpu?: number | string;
  /** pids.max. */
  readonly pids?: number;
  readonly net?: "none" | "host" | "veth";
  /** docker's rails: capabilities, seccomp, devices. */
  readonly confine?: boolean;
  /** An init as PID 1, and the program as its child. */
  readonly init?: boolean;
  /** More words of `contain run`, as on its command line: ["--tmpfs", "/tmp:16M"]. */
  readonly options?: readonly string[];
  /** Standard input, output and error of the program, as node:child_process has it. */
  readonly stdio?: StdioOptions;
  /** Ends the container as stop() does. */
  readonly signal?: AbortSignal;
  /** The program `contain`: that of this package, else the one on PATH. */
  readonly contain?: string;
}

/** One statement of the verdict, with what it rests on. */
export interface Finding {
  /** A name that does not change: `oom-kill-own-limit`. */
  readonly code: string;
  readonly text: string;
  /** False for a hint, and where the evidence is not enough. */
  readonly certain: boolean;
  readonly evidence: readonly { readonly source: string; readonly value?: string; readonly problem?: string; readonly rule: string }[];
  readonly fix?: string;
}

/** What cgroup v2 counts: bytes, microseconds, counts. A figure is missing where its controller does not count. */
export type Usage = Readonly<
  Partial<
    Record<
      | ("memoryPeak" | "memoryCurrent" | "anon" | "file" | "kernel" | "shmem" | "oomKills")
      | ("cpuMicroseconds" | "cpuPeriods" | "cpuThrottledPeriods" | "cpuThrottledMicroseconds")
      | ("pidsPeak" | "pidsCurrent" | "pidsRefused" | "readBytes" | "writtenBytes"),
      number
    >
  >
>;

/** What a container uses now. */
export interface Stats extends Usage {
  readonly id: string;
  readonly name?: string;
  readonly status: "running" | "paused";
  /** Since its network was made, without loopback; missing where it shares the host's. */
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
  /** Percent of one CPU over the last quarter of a second. */
  readonly cpuPercent?: number;
  /** Bytes; missing without a limit. */
  readonly memoryLimit?: number;
  readonly pidsLimit?: number;
}

/** How a container ended. */
export interface End {
  readonly id: string;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** The program's exit status; 128+n after signal n; 125 to 127 when it did not start. */
  readonly status: number;
  /** In words: "killed by SIGKILL". */
  readonly reason: string;
  /** False if the program could not be started, or a step before it failed. */
  readonly started: boolean;
  /** Why, with the evidence; empty for a status of 0 with nothing to tell. */
  readonly verdict: readonly Finding[];
  readonly milliseconds: number;
  readonly usage?: Usage;
}

/** A command of contain failed: what it wrote to standard error is the message, and its exit status is kept. */
export class ContainError extends Error {
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "ContainError";
    this.status = status;
  }
}
