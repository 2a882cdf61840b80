// A planned container: compose.ts makes it, and run.ts carries it out.
import type { Plan as CgsetPlan } from "@contain-tools/cgset";
import type { Link } from "@contain-tools/chain";
import type { Hierarchy } from "@contain-tools/kernel";
import type { Plan as NsexecPlan } from "@contain-tools/nsexec";
import type { Published } from "@contain-tools/pasta";
import type { IdLease, KeptWords, RestartPolicy, State } from "@contain-tools/state";
import type { Host, NameFile } from "../network/files.ts";
import type { NetworkPlan } from "../network/plan.ts";
import type { OwnIds } from "../userns/rootless.ts";
import type { HealthPlan } from "./healthoptions.ts";

export interface RunPlan {
  readonly id: string;
  readonly name: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly cidfile: string | undefined;
  readonly argv: readonly string[];
  readonly rootfs: string;
  /** As --user says it. */
  readonly user: string | undefined;
  /** The program's environment, NAME=VALUE. */
  readonly env: readonly string[];
  /** The directory of its cgroup; undefined if none can be made and no limits were asked for. */
  readonly group: string | undefined;
  readonly hierarchy: Hierarchy | undefined;
  readonly stopSignal: number;
  /** Milliseconds. */
  readonly grace: number;
  /** Where to write the report of the end. */
  readonly json: string | undefined;
  /** Where to record what happens. */
  readonly record: string | undefined;
  /** cgset, making the group. */
  readonly makeGroup: Link<CgsetPlan> | undefined;
  readonly removeGroup: Link<CgsetPlan> | undefined;
  /** `memory=64M pids=64`, for the log. */
  readonly limits: string;
  /** Plans the chain with the granted leases. Call it once. */
  readonly container: (granted: Leases) => Link<NsexecPlan>;
  /** The container's first process is a grandchild of ours. */
  readonly indirect: boolean;
  /** With --net veth. */
  readonly network: NetworkPlan | undefined;
  /** With --userns auto. */
  readonly userns: boolean;
  /** The profile of --seccomp FILE, as it was read. */
  readonly profile: Buffer | undefined;
  readonly hostname: string;
  /** Of --add-host. */
  readonly hosts: readonly Host[];
  /** The root, or a layer over it, is writable. */
  readonly writable: boolean;
  /** The chain as argvs, with --print-chain. */
  readonly argvs: { readonly make: readonly string[]; readonly run: readonly string[]; readonly remove: readonly string[] } | undefined;
  /** For an ordinary user. */
  readonly own: OwnIds | undefined;
  /** confine and its options, for `contain exec` too. */
  readonly confine: readonly string[];
  /** Remarks on its confinement, if it may be weaker than expected. */
  readonly remarks: readonly string[];
  /** `pid1` is PID 1, and the program its child. */
  readonly init: boolean;
  readonly tty: boolean;
  readonly detach: boolean;
  /** Forget a detached container when it ends. */
  readonly remove: boolean;
  /** Bytes of its log; undefined for no bound. */
  readonly logSize: number | undefined;
  readonly quiet: boolean;
  readonly health: HealthPlan | undefined;
  readonly restart: RestartPolicy | undefined;
  /** What `contain start` will need; with --detach. */
  readonly kept: KeptWords | undefined;
  /** It is there already, and starts again. */
  readonly again: Again | undefined;
  /** Plans an nsexec, while the container runs. */
  readonly link: (argv: readonly string[]) => Link<NsexecPlan>;
}

/** A container that does not run, and is to be started. */
export interface Again {
  readonly before: State;
  /** Removes what its last life left; called under the lock. @throws ToolError if it runs by now, or is gone */
  readonly clear: () => void;
}

/** The leases of a container. */
export interface Leases {
  readonly ip: string | undefined;
  readonly ids: IdLease | undefined;
  /** Files of ours, by their paths inside. */
  readonly files: readonly NameFile[];
  /** The ports that pasta passes on, if not all of --publish. */
  readonly ports?: readonly Published[];
}
