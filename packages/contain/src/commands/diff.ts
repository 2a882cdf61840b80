// `contain diff`: what a container with an overlay has added, changed and deleted.
import { withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { exit, printable, procDirectory, readMountInfo, textOf, UsageError } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { changes } from "../copy/changes.ts";
import { openRoot } from "../copy/sides.ts";
import { memberOf, nameOf, readRunning } from "./container.ts";

const LETTERS = { added: "A", changed: "C", deleted: "D" } as const;

export const diff = subcommand({
  name: "diff",
  description: "List what a container has added (A), changed (C) and deleted (D) in its overlay",
  usage: "ID",
  options: withCommon({}),
  plan(given) {
    const state = readRunning(given.rest);
    const mounts = readMountInfo(procDirectory(memberOf(state.init)));
    const own = mounts.find(({ mountPoint, type }) => mountPoint === "/" && type === "overlay");
    const lower = own?.superOptions.find((option) => option.startsWith("lowerdir="));
    if (lower === undefined)
      throw new UsageError(`${nameOf(state)} has no overlay`, "contain run --overlay keeps changes apart from the root");
    if (lower.includes(":/"))
      throw new UsageError(
        `${nameOf(state)} has layers of --overlay-lower`,
        "changes can be listed only over a single directory, that of --rootfs",
      );
    return () => {
      const root = openRoot({ container: state, path: "/", ending: "/" });
      const covered = new Set(mounts.map(({ mountPoint }) => Buffer.from(mountPoint).toString("latin1")));
      const found = changes(state.rootfs, root, covered);
      print(found.map(({ kind, path }) => `${LETTERS[kind]} ${printable(textOf(path))}\n`).join(""));
      return exit(0);
    };
  },
});
