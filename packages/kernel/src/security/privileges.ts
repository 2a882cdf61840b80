// What a process may still become: the bounding and ambient sets, KEEPCAPS and no_new_privs, all by prctl(2).

import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { CAPABILITIES } from "./capability.ts";

const prctlC = declare("prctl");
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_LOWER = 3;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

const nameOf = (capability: number) => CAPABILITIES[capability] ?? `${capability}`;

/** The bounding set, capability N at bit N, and the number of capabilities of this kernel: it answers EINVAL for one it does not know. */
export function readBoundingSet(): { readonly set: bigint; readonly count: number } {
  let set = 0n;
  for (let capability = 0; ; capability++) {
    const answer = prctlC(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (answer === -1) return { set, count: capability };
    if (answer === 1) set |= 1n << BigInt(capability);
  }
}

/** PR_CAPBSET_DROP: no later program gets this capability from its file. @throws SyscallError EPERM without CAP_SETPCAP */
export function dropFromBoundingSet(capability: number): void {
  sys("prctl", () => ["PR_CAPBSET_DROP", nameOf(capability)], prctlC(PR_CAPBSET_DROP, capability, 0, 0, 0));
}

/** PR_CAP_AMBIENT: a capability that stays across execve for any user. @throws SyscallError EPERM if it is not permitted and inheritable */
export function setAmbient(capability: number, on: boolean): void {
  sys(
    "prctl",
    () => ["PR_CAP_AMBIENT", on ? "PR_CAP_AMBIENT_RAISE" : "PR_CAP_AMBIENT_LOWER", nameOf(capability), "0", "0"],
    prctlC(PR_CAP_AMBIENT, on ? PR_CAP_AMBIENT_RAISE : PR_CAP_AMBIENT_LOWER, capability, 0, 0),
  );
}

/** PR_CAP_AMBIENT_CLEAR_ALL. */
export function resetAmbient(): void {
  sys(
    "prctl",
    () => ["PR_CAP_AMBIENT", "PR_CAP_AMBIENT_CLEAR_ALL", "0", "0", "0"],
    prctlC(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
  );
}

/** PR_SET_KEEPCAPS: the permitted set survives a change from user id 0 to another; execve clears the flag. */
export function keepCapabilities(): void {
  sys("prctl", () => ["PR_SET_KEEPCAPS", "1"], prctlC(PR_SET_KEEPCAPS, 1, 0, 0, 0));
}

/** PR_SET_NO_NEW_PRIVS: for good, set-user-ID bits and file capabilities give nothing (Documentation/userspace-api/no_new_privs.rst). */
export function setNoNewPrivileges(): void {
  sys("prctl", () => ["PR_SET_NO_NEW_PRIVS", "1", "0", "0", "0"], prctlC(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}
