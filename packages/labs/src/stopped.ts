// Why a lab did not finish.

/** This host cannot run the lab. */
export class NotHere extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** It cannot go on: an expected event did not happen. */
export class UnexpectedResult extends Error {}

/** By a signal, or because the reader of our output is gone. */
export class Interrupted extends Error {
  readonly signal: number;
  constructor(signal: number) {
    super();
    this.signal = signal;
  }
}
