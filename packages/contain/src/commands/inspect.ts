// `contain inspect`: everything that is known of one container, as JSON.
import { readdirSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { exit, NAMESPACES, namespaceId, readIfThere, readMountInfo, withCommon } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { type State, statusOf } from "../state.ts";
import { readUsage } from "../usage.ts";
import { readContainer } from "./signal.ts";

export const inspect = subcommand({
  name: "inspect",
  description: "Show everything known of a container, as JSON",
  usage: "ID",
  options: withCommon({}),
  plan(given) {
    const state = readContainer(given.rest);
    return () => {
      writeSync(1, `${JSON.stringify(describe(state), undefined, 2)}\n`);
      return exit(0);
    };
  },
});

function describe(state: State) {
  const status = statusOf(state);
  const pid = status === "running" || status === "paused" ? state.init?.pid : undefined;
  return {
    ...state,
    status,
    namespaces:
      pid === undefined
        ? undefined
        : Object.fromEntries(
            NAMESPACES.map(({ file }) => [
              file,
              { id: namespaceId(pid, file), shared: namespaceId(pid, file) === namespaceId("self", file) },
            ]),
          ),
    mounts:
      pid === undefined
        ? undefined
        : readMountInfo(pid).map(({ mountPoint, type, source, options }) => ({ mountPoint, type, source, options: options.join(",") })),
    limits: state.group === undefined ? undefined : readLimitFiles(state.group),
    usage: state.group === undefined ? undefined : readUsage(state.group),
  };
}

/** The files of a group that hold a limit, as they are. */
function readLimitFiles(group: string): Record<string, string> {
  const files = safeList(group).filter((file) => /\.(max|high|low|min|weight|cpus|group)$/.test(basename(file)));
  return Object.fromEntries(
    files.flatMap((file) => {
      const text = readIfThere(join(group, file))?.trim();
      return text ? [[file, text]] : [];
    }),
  );
}

function safeList(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
