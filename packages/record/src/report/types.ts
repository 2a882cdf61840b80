// The shape of a report, for the terminal and for the page, which is another program: nothing is imported here.
export type Unit = "bytes" | "percent" | "count";

export interface Series {
  readonly label: string;
  /** stack: the kinds of which the whole consists; limit: what the lines may not cross. */
  readonly kind: "stack" | "line" | "limit";
  /** One a sample; null where the file was not there. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  /** The files that it is drawn from, and how. */
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

export interface Model {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What was not recorded, and why. */
  readonly missing: readonly string[];
  /** Seconds after the first line, one a sample. */
  readonly times: readonly number[];
  readonly charts: readonly Chart[];
  readonly marks: readonly Mark[];
}
