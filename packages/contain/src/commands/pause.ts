// `contain pause` and `contain unpause`: the cgroup freezer (cgroup.freeze, cgroup-v2.rst).
import { join } from "node:path";
import { exit, UsageError, withCommon, writeKernelFile } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { readRunning } from "./signal.ts";

const freezer = (name: string, value: "0" | "1", description: string) =>
  subcommand({
    name,
    description,
    usage: "ID",
    options: withCommon({}),
    plan(given) {
      const { id, group } = readRunning(given.rest);
      if (group === undefined) throw new UsageError(`${id} has no cgroup to freeze`, "it was started where no cgroup v2 could be written");
      return () => {
        writeKernelFile(join(group, "cgroup.freeze"), value);
        return exit(0);
      };
    },
  });

export const pause = freezer("pause", "1", "Freeze every process of a container");
export const unpause = freezer("unpause", "0", "Let a frozen container go on");
