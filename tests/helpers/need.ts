// What a test needs and this machine may lack. On a laptop that is a skip that is named; in CI (CI=true) it is a failure.
import { spawnSync } from "node:child_process";

const { CI } = process.env;

/** For `test(name, need(...), …)`: the reason to skip, or nothing. */
export function need(...what: ("root" | (string & {}))[]): { skip?: string } {
  const missing = what.filter((thing) =>
    thing === "root" ? process.geteuid?.() !== 0 : spawnSync("sh", ["-c", `command -v ${thing}`]).status !== 0,
  );
  if (missing.length === 0) return {};
  if (CI) throw new Error(`needed in CI, but missing: ${missing.join(", ")}`);
  return { skip: `needs ${missing.join(", ")}` };
}
