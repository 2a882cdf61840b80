// ENOSPC of a call that makes namespaces: a limit of user.max_*_namespaces, or 32 levels of them (namespaces(7), user_namespaces(7)).
import type { Evidence, Finding } from "@contain-tools/chain";
import { NAMESPACES, readIfThere } from "@contain-tools/kernel";
import { flagOf, tryNamespaces } from "../../doctor/attempts.ts";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { callerOf } from "./caller.ts";
import type { Said } from "./said.ts";

/** The call stands directly before the error; `unshare: cannot open x: …` is about a file. */
const CALL = /\b(?:unshare|setns|clone3?)(?:\(([^)]*)\))?(?: failed)?:? *(?:no space|ENOSPC)|namespaces?\b.*(?:no space|ENOSPC)/i;

export const isAboutNamespaces = ({ errno, line }: Said) => errno === "ENOSPC" && CALL.test(line);

export function judgeNamespaces(c: Case, { line }: Said, said: Evidence): Finding {
  const words = CALL.exec(line)?.[1] ?? "";
  const bits = /^0x[\da-f]+$/i.test(words) ? Number(words) : 0;
  const asked = NAMESPACES.filter((kind) => (bits & kind.flag) !== 0 || new RegExp(`${flagOf(kind)}\\b`).test(words));
  const kinds = asked.length > 0 ? asked : NAMESPACES;
  const wrote = `it wrote ${JSON.stringify(line)} (ENOSPC)`;
  const limits = kinds.flatMap(({ file }) => {
    const source = `/proc/sys/user/max_${file}_namespaces`;
    const value = readIfThere(source)?.trim();
    return value === undefined
      ? []
      : [{ name: `user.max_${file}_namespaces`, file, evidence: { source, value, rule: "namespaces(7), ENOSPC" } }];
  });
  const fix = "sysctl -w user.max_…_namespaces=N on the host, in the user namespace whose limit it is";
  const refused = refusedNow(c);
  const reached = limits.filter(({ file, evidence }) => evidence.value === "0" || refused.has(file));
  if (reached.length > 0) {
    const which = reached.map(({ name, evidence }) => `${name} is ${evidence.value}`).join(", ");
    const tries = reached.flatMap(({ file }) => refused.get(file) ?? []);
    const text = `${wrote}: ${which}${tries.length === 0 ? "" : ", and no more can be made now, either"}`;
    return hint("namespace-limit", text, [said, ...reached.map(({ evidence }) => evidence), ...tries], fix);
  }
  const text = `${wrote}: a limit of user.max_*_namespaces, of its user namespace or one above, or 32 levels of user or PID namespaces. Which: cannot tell; /proc/sys/user inside and lsns(8) while it runs would tell`;
  return hint("namespace-cannot-tell", text, [said, ...limits.map(({ evidence }) => evidence)]);
}

/** Kinds of which the kernel refuses us one more at this moment; it counts by user, so that this says nothing about another one. */
function refusedNow(c: Case): Map<string, Evidence> {
  const caller = callerOf(c);
  if (caller === undefined || !(caller.userns || caller.uid === process.geteuid?.())) return new Map();
  const { tried } = tryNamespaces();
  return new Map(
    NAMESPACES.flatMap((kind) => {
      const one = tried.find(({ call, answer }) => answer === "ENOSPC" && call === `unshare(${flagOf(kind)})`);
      return one === undefined
        ? []
        : [[kind.file, { source: `${one.call} of a child of ours`, value: one.answer, rule: "unshare(2) ENOSPC" }] as const];
    }),
  );
}
