// --nat: packets to other hosts get this host's address, by an nft(8) rule in its own table.
import { type Context, capture, sayStep } from "@contain-tools/chain";
import { nft } from "@contain-tools/explain";
import { networkOf, readText, ToolError, writeKernelFile } from "@contain-tools/kernel";
import { BRIDGE, NETWORK } from "./constants.ts";

const FORWARD = "/proc/sys/net/ipv4/ip_forward";

/** @throws ToolError without nft; nothing is changed */
export function checkNft(): void {
  if (nft() === undefined) throw new ToolError("--nat needs nft, which is not installed", "Debian and Ubuntu: apt-get install nftables");
}

/** Sets the rule; may be called again. @throws ToolError */
export function masquerade(context: Context): void {
  const from = `${networkOf(NETWORK.ip, NETWORK.prefix)}/${NETWORK.prefix}`;
  const chain = "type nat hook postrouting priority 100";
  runNft(
    `table ip contain; delete table ip contain; table ip contain { chain postrouting { ${chain}; ip saddr ${from} oifname != "${BRIDGE}" masquerade; }; }`,
  );
  if (readText(FORWARD).trim() !== "0") return;
  sayStep(context, "net.ipv4.ip_forward was 0; it is set to 1 and stays so: at 0 the host forwards no packets (ip-sysctl.rst)");
  writeKernelFile(FORWARD, "1\n");
}

export function stopMasquerade(): void {
  runNft("delete table ip contain");
}

/** True if the table exists. */
export function isMasquerading(): boolean {
  return nft() !== undefined && capture([nft() ?? "nft", "list", "table", "ip", "contain"]).status === 0;
}

function runNft(script: string): void {
  const { status, stderr } = capture([nft() ?? "nft", script]);
  if (status !== 0)
    throw new ToolError(`nft ${script}: exit status ${status}: ${stderr.trim()}`, "it needs CAP_NET_ADMIN and a kernel with nf_tables");
}
