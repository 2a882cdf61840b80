// What a lab is: a production failure that can be staged, a question before it, and what the kernel says about it afterwards.
import type { Script, Stage } from "./stage.ts";

/** What a lab needs and a host may lack: root; a cgroup v2 group for the container; a controller for that group; mount(8) and umount(8). */
export type Need = "root" | "group" | "memory" | "cpu" | "pids" | "mount";

export interface Lab extends Script {
  readonly name: string;
  /** One line for the list. */
  readonly title: string;
  /** How it is met in production. */
  readonly story: string;
  readonly needs: readonly Need[];
  /** What is done meanwhile, and what to predict. */
  readonly question: string;
  readonly answers: readonly string[];
  /** The index of the right answer. */
  readonly right: number;
  /** Runs the commands, reads the evidence, and checks that what was promised has happened. */
  readonly play: (stage: Stage) => void;
  /** Told only when every check held. */
  readonly why: string;
  readonly fix: string;
}
