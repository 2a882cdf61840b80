// --pasta and its --publish: words to a plan, and what this pasta(1) can do.

import { capture } from "@contain-tools/chain";
import { type Address, exists, parseAddress, ToolError, UsageError } from "@contain-tools/kernel";
import { describePublished, type Published, readPublished } from "./published.ts";

export interface PastaPlan {
  readonly address: Address;
  readonly publish: readonly Published[];
}

const FIXED = 20240726; // the version that subtracts ports modulo 2^16

/** @throws UsageError; ToolError if pasta is missing */
export function readPasta(address: string | undefined, publish: readonly string[]): PastaPlan | undefined {
  if (address === undefined) {
    if (publish.length > 0) throw new UsageError("--publish is for --pasta", "nsexec itself forwards nothing");
    return undefined;
  }
  if (process.geteuid?.() === 0)
    throw new UsageError(
      "--pasta is for an ordinary user: root's pasta changes to user nobody, who may not join the namespace",
      "veth connects a namespace for root",
    );
  checkPasta();
  return { address: parseAddress("--pasta", address), publish: readPublished(publish) };
}

/** @throws ToolError if it is not installed */
export function checkPasta(): void {
  const dirs = (process.env["PATH"] ?? "/bin:/usr/bin").split(":");
  if (dirs.some((dir) => exists(`${dir}/pasta`))) return;
  throw new ToolError(
    "missing program: pasta, which connects an ordinary user's network",
    "a port on a bridge of the host would need CAP_NET_ADMIN in the host's network namespace (network_namespaces(7)). Debian, Ubuntu and Fedora: the package passt; without it --net none",
  );
}

/** An old pasta loses UDP answers if HOST is above CONT. Debian 12 has such a version, which reports no date. */
export function checkVersion(publish: readonly Published[]): void {
  const wanted = publish.find(({ host, port, protocol }) => protocol === "udp" && host.port > port);
  if (wanted === undefined) return;
  const { stdout } = capture(["pasta", "--version"]);
  const date = /\b(20\d\d)_?(\d\d)_?(\d\d)\b|git(20\d\d)(\d\d)(\d\d)/.exec(stdout)?.slice(1).filter(Boolean).join("");
  if (Number(date) >= FIXED) return;
  throw new ToolError(
    `--publish ${describePublished(wanted)}: this pasta (${date ?? "of an unknown version"}) may lose the answers of a UDP port that is above the container's`,
    "before July 2024 the subtraction overflows, and other ports open inside; choose a HOST that is not above CONT",
  );
}
