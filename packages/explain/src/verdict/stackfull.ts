// A fault at the end of the stack: the program has called itself too often, or its stack is too small.
import type { Finding } from "@contain-tools/chain";
import type { Case } from "./case.ts";
import { hint } from "./hint.ts";
import { limitOf } from "./words/caller.ts";

const NEAR = 64n << 10n; // bytes: a call pushes no more, mostly
const FAULT = /segfault at ([0-9a-f]+) ip [0-9a-f]+ sp ([0-9a-f]+) error (\d+)/;
const [PRESENT, WRITE] = [1, 2]; // bits of a page fault's error code on x86 (trap_pf.h)

/** @param fault the finding with the kernel's line */
export function fullStack(c: Case, fault: Finding): Finding[] {
  const line = fault.evidence.find(({ source }) => source === "/dev/kmsg");
  const [, at, sp, code] = FAULT.exec(line?.value ?? "") ?? [];
  if (line === undefined || at === undefined || sp === undefined) return [];
  const distance = BigInt(`0x${at}`) - BigInt(`0x${sp}`);
  const isNear = distance < NEAR && -distance < NEAR;
  if (!isNear || (Number(code) & PRESENT) !== 0 || (Number(code) & WRITE) === 0) return [];
  const { evidence: limit } = limitOf(c, "Max stack size", "getrlimit(2) RLIMIT_STACK, in bytes");
  const text = "it wrote at its stack pointer, where no memory was: its stack was full, as with a recursion without end";
  return [hint("stack-full", text, [line, limit], "a recursion that ends; --ulimit stack=BYTES for the main thread")];
}
