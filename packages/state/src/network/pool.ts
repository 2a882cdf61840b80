// Addresses of containers. A container holds the one in its state until it ends. Choose and write one under the lock.

import { type Address, ipNumber, ipOfNumber, networkOf, ToolError } from "@contain-tools/kernel";
import { isAlive } from "../processid.ts";
import { readStates, statusOf } from "../state.ts";
import type { State } from "../statefile.ts";
import type { Lease } from "./lease.ts";

/** Containers that have a network now. A dead one keeps it while its PID 1 lives. */
export function networked(): (State & { readonly network: Lease })[] {
  return readStates().filter((state): state is State & { readonly network: Lease } => {
    if (state.network === undefined || state.ended !== undefined) return false;
    return statusOf(state) !== "dead" || (state.init !== undefined && isAlive(state.init));
  });
}

/** The container that has an address. */
export function addressHolder(ip: string): string | undefined {
  return networked().find(({ network }) => network.ip === ip)?.id;
}

/** The lowest free address of a network. @throws ToolError if there is none */
export function freeAddress({ ip, prefix }: Address): string {
  const first = ipNumber(networkOf(ip, prefix));
  const taken = new Set([ip, ...networked().map(({ network }) => network.ip)]);
  for (let number = first + 1; number < first + 2 ** (32 - prefix) - 1; number++) {
    const candidate = ipOfNumber(number);
    if (!taken.has(candidate)) return candidate;
  }
  throw new ToolError(
    `--net veth: no free address in ${networkOf(ip, prefix)}/${prefix}`,
    `${taken.size - 1} containers have one: \`contain list\` shows them, \`contain gc\` removes dead ones`,
  );
}
