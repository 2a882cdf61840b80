// Checksums of what is read. In an OCI layout the name of a file is its checksum.
import { createHash } from "node:crypto";
import { ToolError } from "@contain-tools/kernel";
import type { Chunks } from "./bytes.ts";

/** `sha256:…` from `blobs/sha256/…`, or from the name alone, as in skopeo's dir:; undefined for other names. */
export function sumOfName(name: string): string | undefined {
  const [, algorithm = "sha256", hex] = /^(?:blobs\/(sha256|sha384|sha512)\/)?([0-9a-f]{64,128})$/.exec(name) ?? [];
  return hex === undefined ? undefined : `${algorithm}:${hex}`;
}

/** Passes the bytes on and compares their checksum at the end, if there is one. @throws ToolError if it differs */
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

/** Without a checksum nothing is compared. @throws ToolError if it differs */
export function checkSum(bytes: Uint8Array, sum: string | undefined, what: string): void {
  const [algorithm = ""] = sum?.split(":") ?? [];
  if (sum !== undefined) compare(`${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`, sum, what);
}

function compare(found: string, sum: string, what: string): void {
  if (found !== sum) throw new ToolError(`${what} is damaged: its sum is ${found}, not ${sum}`);
}
