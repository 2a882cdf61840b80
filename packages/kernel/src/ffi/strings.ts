// argv and the environment, as execve(2) takes them.
import { koffi } from "./libc.ts";

/** argv or an environment; words that are not UTF-8 are bytes. */
export type Words = readonly (string | Buffer)[];

/** A NULL-terminated array of C strings, in memory that neither moves nor is freed while execve reads it. */
export interface CStrings {
  readonly pointers: Uint8Array;
  readonly text: Buffer;
}

/** Lays the words out for the kernel. */
export function stringArray(words: Words): CStrings {
  let size = 1;
  for (const word of words) size += (typeof word === "string" ? Buffer.byteLength(word) : word.length) + 1;
  const text = Buffer.alloc(size);
  const pointers = new BigUint64Array(words.length + 1);
  const base = BigInt(koffi.address(text));
  let at = 0;
  for (const [i, word] of words.entries()) {
    pointers[i] = base + BigInt(at);
    at += (typeof word === "string" ? text.write(word, at) : word.copy(text, at)) + 1;
  }
  return { pointers: new Uint8Array(pointers.buffer), text };
}
