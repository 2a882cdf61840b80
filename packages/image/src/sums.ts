// Sums of what is read. A name in an OCI layout is the sum of what is in the file.
import { createHash } from "node:crypto";
import { ToolError } from "@contain-tools/kernel";
import type { Chunks } from "./bytes.ts";

/** `sha256:…` of `blobs/sha256/…`, or of the name alone, as skopeo's dir: has it; undefined for other names. */
export function sumOfName(name: string): string | undefined {
  const [, algorithm = "sha256", hex] = /^(?:blobs\/(sha256|sha384|sha512)\/)?([0-9a-f]{64,128})$/.exec(name) ?? [];
  return hex === undefined ? undefined : `${algorithm}:${hex}`;
}

/** The same bytes, compared at their end; without a sum they are not compared. @throws ToolError if they have another one */
export async function* checked(bytes: Chunks, sum: string | undefined, what: string): AsyncGenerator<Uint8Array> {
  if (sum === undefined) return yield* bytes;
  const [algorithm = ""] = sum.split(":");
  const hash = createHash(algorithm);
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  compare(`${algorithm}:${hash.digest("hex")}`, sum, what);
}

/** Without a sum nothing is compared. @throws ToolError if the bytes have another one */
export function checkSum(bytes: Uint8Array, sum: string | undefined, what: string): void {
  const [algorithm = ""] = sum?.split(":") ?? [];
  if (sum !== undefined) compare(`${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`, sum, what);
}

function compare(found: string, sum: string, what: string): void {
  if (found !== sum) throw new ToolError(`${what} is damaged: its sum is ${found}, not ${sum}`);
}
