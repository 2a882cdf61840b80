// Lowers the capability sets, in the order in which each step is still allowed (capabilities(7)).
import {
  CAPABILITIES,
  type Capabilities,
  capget,
  capset,
  dropFromBoundingSet,
  readBoundingSet,
  resetAmbient,
  setAmbient,
  ToolError,
} from "@contain-tools/kernel";
import type { CapabilitySets } from "./capabilities.ts";
import type { CapabilityPlan } from "./plan.ts";

/** Needs CAP_SETPCAP, which is lost with the ids. */
export function lowerBoundingSet(kept: bigint): void {
  const { set, count } = readBoundingSet();
  for (let capability = 0; capability < count; capability++) {
    const bit = 1n << BigInt(capability);
    if ((set & bit) !== 0n && (kept & bit) === 0n) dropFromBoundingSet(capability);
  }
}

/** Ambient first: whatever leaves the permitted or inheritable set leaves it too; it can be raised only after those (capabilities(7)). */
export function lowerSets({ kept, how }: CapabilityPlan): void {
  const { permitted, effective, inheritable } = capget();
  if (how !== "caps") {
    capset({ permitted: permitted & kept, effective: effective & kept, inheritable: how === "keep" ? 0n : inheritable & kept });
    return;
  }
  const wanted = kept & everyCapability();
  capset({ permitted: wanted, effective: wanted, inheritable: wanted });
  raiseAmbient(wanted);
}

const everyCapability = () => (1n << BigInt(readBoundingSet().count)) - 1n;

function raiseAmbient(wanted: bigint): void {
  for (let capability = 0; wanted >> BigInt(capability) > 0n; capability++)
    if ((wanted >> BigInt(capability)) & 1n) setAmbient(capability, true);
}

const SYS_ADMIN = 1n << BigInt(CAPABILITIES.indexOf("CAP_SYS_ADMIN"));

/**
 * Gives this process exactly these sets.
 *
 * @param needsAdmin CAP_SYS_ADMIN stays for the next step
 * @returns a function that drops it, by the only call that is left then
 * @throws ToolError for a capability that this process does not have
 */
export function setExactly(sets: CapabilitySets, needsAdmin: boolean): () => void {
  const now = capget();
  const known = everyCapability();
  const wanted: Capabilities = {
    permitted: (sets.permitted ?? now.permitted) & known,
    effective: (sets.effective ?? now.effective) & (sets.permitted ?? known) & known,
    inheritable: (sets.inheritable ?? now.inheritable) & known,
  };
  const missing = wanted.permitted & ~now.permitted;
  if (missing !== 0n)
    throw new ToolError(
      `--permitted: this process does not have ${namesOf(missing)}`,
      "a process cannot give a capability that it does not have (capabilities(7)); this user, or a container around this one, may lack it",
    );
  const admin = needsAdmin ? now.permitted & SYS_ADMIN : 0n;
  if (sets.ambient !== undefined) resetAmbient();
  capset({ permitted: wanted.permitted | admin, effective: wanted.effective | admin, inheritable: wanted.inheritable });
  if (sets.ambient !== undefined) raiseAmbient(sets.ambient & known);
  return admin === 0n ? () => {} : () => capset(wanted);
}

const namesOf = (set: bigint) => CAPABILITIES.filter((_, number) => (set >> BigInt(number)) & 1n).join(", ") || `0x${set.toString(16)}`;
