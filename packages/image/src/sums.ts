// Checksums of what is read. In an OCI layout the name of a file is its checksum.
import { createHash } from "node:crypto";
import { ToolError } from "@contain-tools/kernel";
import type { Chunks } from "./bytes.ts";

/** Algorithms, and how many hexadecimal digits their sums have (OCI image-spec, descriptor.md). */
const ALGORITHMS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** @throws ToolError for what is no digest, or one that cannot be checked */
export function readDigest(what: string, digest: string): { readonly algorithm: string; readonly hex: string } {
  const [, algorithm = "", hex = ""] = /^([a-z0-9]+(?:[.+_-][a-z0-9]+)*):([A-Za-z0-9=_-]+)$/.exec(digest) ?? [];
  if (algorithm !== "" && !Object.hasOwn(ALGORITHMS, algorithm))
    throw new ToolError(
      `${what}: the digest ${digest} cannot be checked: there is no algorithm ${algorithm} here`,
      Object.keys(ALGORITHMS).join(", "),
    );
  if (!/^[0-9a-f]+$/.test(hex) || hex.length !== ALGORITHMS[algorithm]) throw new ToolError(`${what}: not a digest: ${digest || '""'}`);
  return { algorithm, hex };
}

/**
 * `sha512:…` of `blobs/sha512/…`; or of the name alone, whose length tells the algorithm, as skopeo's dir: has it, with `sha512-` before it or
 * without. Undefined for other names.
 */
export function sumOfName(name: string): string | undefined {
  const [, said, hex = ""] = /^(?:(?:blobs\/)?(sha\d+)[/-])?([0-9a-f]+)$/.exec(name) ?? [];
  const algorithm = Object.keys(ALGORITHMS).find((one) => ALGORITHMS[one] === hex.length);
  return algorithm === undefined || (said !== undefined && said !== algorithm) ? undefined : `${algorithm}:${hex}`;
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
