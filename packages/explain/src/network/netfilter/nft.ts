// nft(8), which alone reads and writes nf_tables without a protocol of our own.
import { existsSync } from "node:fs";

const PLACES = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

/** Where nft(8) is; undefined when it is not installed. */
export const nft = () => PLACES.map((dir) => `${dir}/nft`).find((path) => existsSync(path));
