// IPv4 addresses as text, as bytes and as numbers.
import { UsageError } from "../ffi/errno.ts";

/** Four numbers from 0 to 255 without leading zeros. (node:net has the same, and takes a millisecond to load.) */
export function isIPv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

export function ipBytes(ip: string): Buffer {
  return Buffer.from(ip.split(".").map(Number));
}

export function ipText(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 4)].join(".");
}

/** 10.88.0.1 is 0x0a580001. */
export function ipNumber(ip: string): number {
  return ipBytes(ip).readUInt32BE(0);
}

export function ipOfNumber(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number >>> 0);
  return ipText(bytes);
}

/** The network of an address: 10.88.0.7 with 24 bits is in 10.88.0.0. */
export function networkOf(ip: string, prefix: number): string {
  return ipOfNumber(prefix === 0 ? 0 : ipNumber(ip) & (-1 << (32 - prefix)));
}

/** @throws UsageError */
export function parseIp(option: string, text: string): string {
  if (isIPv4(text)) return text;
  throw new UsageError(`${option} ${JSON.stringify(text)} is not an IPv4 address`, "four numbers from 0 to 255: 10.88.0.7");
}

/** `10.88.0.7/24`, an address of one host in a network. @throws UsageError */
export function parseAddress(option: string, text: string): { readonly ip: string; readonly prefix: number } {
  const [ip = "", bits = "", more] = text.split("/");
  const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : 33;
  if (!isIPv4(ip) || more !== undefined || prefix < 1 || prefix > 30)
    throw new UsageError(
      `${option} ${JSON.stringify(text)} is not an IPv4 address with its network`,
      "ADDRESS/BITS, of 1 to 30 bits: 10.88.0.7/24",
    );
  const network = ipNumber(networkOf(ip, prefix));
  if (ipNumber(ip) === network || ipNumber(ip) === network + 2 ** (32 - prefix) - 1)
    throw new UsageError(`${option} ${text}: the first and the last address of a network belong to no host`);
  const [first = 0] = ipBytes(ip);
  if (first === 0 || first === 127 || first >= 224)
    throw new UsageError(
      `${option} ${text}: no host on a network has such an address`,
      "addresses from 0, from 127, and from 224 on are reserved (RFC 6890)",
    );
  return { ip, prefix };
}
