// The results of a container's health checks: a file of the supervisor in the container's folder.
import { readIfThere } from "@contain-tools/kernel";
import { folderOf, replaceFile } from "./state.ts";

export interface Health {
  /** `starting` until the first check that counts. */
  readonly status: "starting" | "healthy" | "unhealthy";
  /** How many checks in a row failed. */
  readonly failingStreak: number;
  /** The last check. */
  readonly last?: {
    /** ISO 8601. */
    readonly start: string;
    readonly end: string;
    /** Its exit status, as a shell has it; -1 if it took too long or could not be started. */
    readonly exit: number;
    /** The end of its output. */
    readonly output: string;
  };
}

export function writeHealth(id: string, health: Health): void {
  replaceFile(id, "health", `${JSON.stringify(health)}\n`);
}

/** undefined without --health-cmd. */
export function readHealth(id: string): Health | undefined {
  try {
    return JSON.parse(readIfThere(`${folderOf(id)}/health`) ?? "") as Health;
  } catch {
    return undefined; // none, or edited by hand
  }
}
