// A lab: a production failure to play through, a question before it, and the kernel's evidence after it.
import type { Script, Stage } from "./stage.ts";

/** Requirements that a host may lack: root; a cgroup v2 group for the container; a controller for that group; mount(8) and umount(8). */
export type Need = "root" | "group" | "memory" | "cpu" | "pids" | "mount";

export interface Lab extends Script {
  readonly name: string;
  /** One line for the list. */
  readonly title: string;
  /** How it shows in production. */
  readonly story: string;
  readonly needs: readonly Need[];
  /** What the lab does, and what to predict. */
  readonly question: string;
  readonly answers: readonly string[];
  /** The index of the right answer. */
  readonly right: number;
  /** Runs the commands, reads the evidence, and checks that the failure happened. */
  readonly play: (stage: Stage) => void;
  /** Printed only if every check held. */
  readonly why: string;
  readonly fix: string;
}
