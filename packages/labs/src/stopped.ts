// Why a lab did not come to its end.

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
