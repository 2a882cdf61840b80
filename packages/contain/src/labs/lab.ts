// What a lab is: a production failure that can be staged, a question before it, and what the kernel says about it afterwards.
import type { Stage } from "./stage.ts";

/** What a lab needs and a host may lack: root; a cgroup v2 group for the container; a controller for that group; mount(8) and umount(8). */
export type Need = "root" | "group" | "memory" | "cpu" | "pids" | "mount";

export interface Lab {
  readonly name: string;
  /** One line for the list. */
  readonly title: string;
  /** How it is met in production. */
  readonly story: string;
  readonly needs: readonly Need[];
  /** Lines for a shell that prepare `dir`. @throws NotHere */
  readonly setup?: (dir: string) => readonly string[];
  /** What is run, as argvs. `dir` is a folder of the lab's own, which is there only while it runs. */
  readonly commands: (dir: string) => readonly (readonly string[])[];
  /** What is done meanwhile, and what to predict. */
  readonly question: string;
  readonly answers: readonly string[];
  /** The index of the right answer. */
  readonly right: number;
  /** Runs the commands, reads the evidence, and checks that what was promised has happened. */
  readonly play: (stage: Stage) => void;
  /** Told only when every check held. */
  readonly why: string;
  readonly mend: string;
}

/** This host cannot stage the lab. */
export class NotHere extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** It cannot go on: something that should have happened did not. */
export class Otherwise extends Error {}

/** A signal to us, or a reader of our output that has gone. */
export class Interrupted extends Error {
  readonly signal: number;
  constructor(signal: number) {
    super();
    this.signal = signal;
  }
}
