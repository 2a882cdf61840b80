// The second build repeats only what another runtime can change: tests/run.ts names the files, these the parts of them.
import { describe, test } from "node:test";

export const isSecond = process.env["CONTAIN_TEST_SECOND"] !== undefined;

const nothing = () => {};

/** `describe` and `test` of what is the same code in both builds. */
export const describeOnce = (isSecond ? nothing : describe) as typeof describe;
export const testOnce = (isSecond ? nothing : test) as typeof test;
