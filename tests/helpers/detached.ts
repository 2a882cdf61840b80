// Detached containers of a test file: started, looked at, and removed when the file's tests have ended.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after } from "node:test";
import { type RunOptions, run } from "./run.ts";

interface Inspected {
  readonly supervisor: { readonly pid: number };
  readonly init: { readonly pid: number };
  readonly status: string;
  readonly ended?: { readonly status: number; readonly reason: string };
}

/** Those that are to be removed. */
export const ids: string[] = [];

/** `contain run -qd WORDS`; returns its id. */
export function detached(words: readonly string[], how: RunOptions = {}): string {
  const { status, stdout, stderr } = run(["contain", "run", "-qd", ...words], how);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^[0-9a-f]{12}\n$/);
  ids.push(stdout.trim());
  return stdout.trim();
}

export const inspect = (id: string) => JSON.parse(run(["contain", "inspect", id]).stdout) as Inspected;
export const folder = (id: string) => join("/run/contain", id);

export function removeAll(): void {
  for (const id of ids) {
    run(["contain", "stop", "--grace", "0", id]);
    run(["contain", "rm", id]);
  }
}
after(removeAll);
