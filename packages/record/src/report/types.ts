// The shape of a report, for the terminal and for the page, which is another program: nothing is imported here.
export type Unit = "bytes" | "percent" | "count";

export interface Series {
  readonly label: string;
  /** stack: a part of the total; limit: the upper bound of the lines. */
  readonly kind: "stack" | "line" | "limit";
  /** One per sample; null if the file was missing. */
  readonly values: readonly (number | null)[];
  /** Of all samples, also of those that a long record leaves out on its page; null if there is none. */
  readonly last: number | null;
  readonly most: number | null;
}

export interface Chart {
  readonly title: string;
  /** The files it is drawn from, and how. */
  readonly note: string;
  readonly unit: Unit;
  readonly series: readonly Series[];
}

export interface Mark {
  /** Seconds after the first line. */
  readonly at: number;
  readonly kind: "state" | "signal" | "kill" | "oom" | "lost";
  readonly text: string;
}

/** A statement of the verdict. */
export interface Statement {
  readonly text: string;
  readonly fix: string | undefined;
  /** Each: the file, the value, the rule. */
  readonly evidence: readonly string[];
}

export interface Model {
  readonly title: string;
  /** Milliseconds since the epoch: the time of the first line. */
  readonly start: number;
  readonly verdict: readonly Statement[];
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What was not recorded, and why. */
  readonly missing: readonly string[];
  /** Seconds after the first line, one per sample. */
  readonly times: readonly number[];
  readonly charts: readonly Chart[];
  readonly marks: readonly Mark[];
}
