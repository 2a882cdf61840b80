// nft(8), which alone reads and writes nf_tables without a protocol of our own.

import { exists } from "@contain-tools/kernel";

const PLACES = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

/** Where nft(8) is; undefined when it is not installed. */
export const nft = () => PLACES.map((dir) => `${dir}/nft`).find((path) => exists(path));
