// A program's identity when it was started: ids, capabilities, no_new_privs, seccomp (proc_pid_status(5)).
import type { Evidence } from "@contain-tools/chain";
import { CAPABILITIES, softLimit, statusField } from "@contain-tools/kernel";
import type { Case } from "../case.ts";

export interface Caller {
  /** As they are outside. */
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly has: (capability: string) => boolean;
  readonly seccomp: boolean;
  /** In another user namespace than the supervisor. */
  readonly userns: boolean;
  readonly evidence: (field: string, rule: string) => Evidence;
}

/** @returns undefined if it ended before anybody looked */
export function callerOf({ seen: { program }, made }: Case): Caller | undefined {
  const { status = "", pid } = program ?? {};
  const numbers = (name: string) => (statusField(status, name) ?? "").split(/\s+/).filter(Boolean).map(Number);
  const [, uid] = numbers("Uid");
  const [, gid] = numbers("Gid");
  const caps = statusField(status, "CapEff");
  if (uid === undefined || gid === undefined || caps === undefined) return undefined;
  const effective = BigInt(`0x${caps}`);
  return {
    ...{ uid, gid, groups: numbers("Groups"), userns: made.includes("user") },
    has: (name) => ((effective >> BigInt(CAPABILITIES.indexOf(name))) & 1n) === 1n,
    seccomp: statusField(status, "Seccomp") === "2",
    evidence: (field, rule) => ({
      source: `/proc/${pid}/status ${field}, at its start`,
      value: statusField(status, field)?.replaceAll("\t", " "),
      rule,
    }),
  };
}

/** A soft limit of the program, and when that was read: `Max open files` (proc_pid_limits(5)). */
export function limitOf({ seen: { program, zombie }, watched: { pid, init, indirect } }: Case, name: string, rule: string) {
  const last = init || indirect ? undefined : softLimit(zombie?.().limits ?? "", name);
  const value = last ?? softLimit(program?.limits ?? "", name);
  const when = last === undefined ? "when it was started" : "at its end";
  const source = `/proc/${program?.pid ?? pid}/limits ${name}, ${when}`;
  const evidence: Evidence = value === undefined ? { source, value, problem: "it was gone", rule } : { source, value, rule };
  return { value, when, evidence, isSet: /^\d+$/.test(value ?? "") };
}
