// What `contain gc` would remove.
import { statSync } from "node:fs";
import { pollOnce, UsageError } from "@contain-tools/kernel";
import { deadContainers, isEmptyGroup, stateFolder, strayGroups, strays } from "@contain-tools/state";
import { type Check, check, type Verdict } from "./check.ts";

export const leftoverChecks = (): Check[] => [check("leftovers", leftovers)];

function leftovers(): Verdict {
  let folder: string;
  try {
    folder = stateFolder();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const evidence = [{ source: "the state folder", value: undefined, problem: error.message, rule: "it must be the caller's own" }];
    return { state: "limited", text: error.message, evidence, fix: error.hint };
  }
  const rule = "a state is left when its supervisor is gone, a group when it is empty and no state knows it";
  const left = [
    ...deadContainers().map(({ id, supervisor }) => ({
      source: `${folder}/${id}`,
      value: `its supervisor, PID ${supervisor.pid}, was killed`,
      rule,
    })),
    ...strays().map(({ path, why }) => ({ source: path, value: why, rule })),
    ...ownEmptyGroups().map((dir) => ({ source: dir, value: "an empty group without a known container", rule })),
  ];
  if (left.length === 0)
    return { state: "ok", text: `none in ${folder} and beside our own group`, evidence: [{ source: folder, value: "none", rule }] };
  const [first] = left;
  const more = left.length > 1 ? `, and ${left.length - 1} more` : "";
  return { state: "limited", text: `${first?.source}: ${first?.value}${more}`, evidence: left, fix: "contain gc" };
}

const USE_TIMEOUT = 1000; // milliseconds for somebody who has just made a group and not used it yet

/** The states of another user's groups are hidden from us. */
function ownEmptyGroups(): string[] {
  const find = () =>
    strayGroups().filter((dir) => isEmptyGroup(dir) && statSync(dir, { throwIfNoEntry: false })?.uid === process.geteuid?.());
  if (find().length === 0) return [];
  pollOnce(-1, 0, USE_TIMEOUT);
  return find();
}
