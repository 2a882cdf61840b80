// What a fuzzer looks at before and after, to see that nothing was left.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A file, or nothing where it cannot be read. */
export const read = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
/** The names in a folder, or none. */
export const list = (dir: string): string[] => {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
};
/** Every directory below one: of a cgroup mount, all groups. */
export const groups = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(dir, entry.name), ...groups(join(dir, entry.name))]);
/** The mounts of this process, without their numbers. */
export const mounts = () =>
  read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ").slice(3).join(" "));
