// nft(8), the only program that reads and writes nf_tables without a protocol implementation of our own.

import { exists } from "@contain-tools/kernel";

const PLACES = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

/** The path of nft(8); undefined if it is not installed. */
export const nft = () => PLACES.map((dir) => `${dir}/nft`).find((path) => exists(path));
