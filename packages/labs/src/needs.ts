// Checks whether this host can run a lab, before anything is made.
import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { type Plan as CgsetPlan, locate } from "@contain-tools/cgset";
import { availableControllers, findHierarchy, isWritable, missingController, notDelegated, ToolError } from "@contain-tools/kernel";
import type { Need } from "./lab.ts";
import { NotHere } from "./stopped.ts";

/** @throws NotHere with the first thing that is missing; `plan` is a cgset that would make a group as `contain run` does */
export function checkNeeds(needs: readonly Need[], plan: CgsetPlan): void {
  try {
    for (const need of needs) check(need, plan);
  } catch (error) {
    throw error instanceof ToolError ? new NotHere(error.message, error.hint) : error;
  }
}

function check(need: Need, plan: CgsetPlan): void {
  if (need === "root") {
    if (process.geteuid?.() !== 0) throw new NotHere(`it needs root; this is uid ${process.geteuid?.()}`, "run it with sudo");
    return;
  }
  if (need === "mount") {
    for (const name of ["mount", "umount"]) if (!isOnPath(name)) throw new NotHere(`missing program: ${name}`, "it is in util-linux");
    return;
  }
  const parent = dirname(locate(plan, findHierarchy()));
  if (!isWritable(parent)) throw notDelegated(parent, undefined);
  if (need !== "group" && !availableControllers(parent).includes(need)) throw missingController(parent, need);
}

function isOnPath(name: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
