// Subordinate ids: the ranges of a user in /etc/subuid and /etc/subgid (subuid(5), subgid(5)).

import { readText } from "../file/open.ts";
export interface SubordinateRange {
  readonly start: number;
  readonly count: number;
}

const MAX_ID = 0xfffffffe;

/** The ranges of a user, in the order of the file; a line may begin with any of `owners`. Malformed lines are skipped. */
export function subordinateRanges(file: "/etc/subuid" | "/etc/subgid", owners: readonly string[]): SubordinateRange[] {
  let text: string;
  try {
    text = readText(file);
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [, owner = "", start, count] = /^([^:#]+):(\d{1,10}):(\d{1,10})$/.exec(line.trim()) ?? [];
    const range = { start: Number(start), count: Math.min(Number(count), MAX_ID - Number(start) + 1) };
    return owners.includes(owner) && range.count > 0 ? [range] : [];
  });
}

/** The names of a user in these files: the number, and the name in /etc/passwd. */
export function subordinateOwners(uid: number): string[] {
  const name = nameOfUser(uid);
  return name === undefined ? [`${uid}`] : [name, `${uid}`];
}

function nameOfUser(uid: number): string | undefined {
  try {
    const line = readText("/etc/passwd")
      .split("\n")
      .find((entry) => entry.split(":")[2] === String(uid));
    return line?.split(":")[0];
  } catch {
    return undefined;
  }
}
