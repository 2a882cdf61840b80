// A reporter for node:test: a line of JSON for each test that passed, failed or was skipped. tests/run.ts counts them.
import type { TestEvent } from "node:test/reporters";

export interface Ended {
  readonly name: string;
  readonly passed: boolean;
  /** The reason, or "" where none was given; undefined when it ran. */
  readonly skipped: string | undefined;
}

export default async function* events(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if ((type !== "test:pass" && type !== "test:fail") || data.details.type === "suite") continue;
    const skipped = data.skip === undefined ? undefined : typeof data.skip === "string" ? data.skip : "";
    yield `${JSON.stringify({ name: data.name, passed: type === "test:pass", skipped } satisfies Ended)}\n`;
  }
}
