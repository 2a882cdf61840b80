// list: the containers below --root.
import { OciError } from "../failure.ts";
import { print } from "../output.ts";
import type { OciCommand } from "../program.ts";
import { readContainers, statusOf } from "../state.ts";

const HEAD = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

export const list: OciCommand = {
  name: "list",
  about: "the containers below --root",
  operands: "",
  options: { format: "value", f: { short: "format" }, quiet: "flag", q: { short: "quiet" } },
  run(words, { root }) {
    const format = words.value("format") ?? "table";
    if (format !== "table" && format !== "json") throw new OciError(`--format ${format}: must be table or json`);
    const rows = readContainers(root).map((container) => {
      const status = statusOf(container);
      const { ociVersion, id, init, bundle, rootfs, created, annotations } = container;
      return {
        ociVersion,
        id,
        pid: status === "stopped" ? 0 : (init?.pid ?? 0),
        status,
        bundle,
        rootfs,
        created,
        annotations,
        owner: "root",
      };
    });
    if (words.has("quiet")) print(rows.map(({ id }) => `${id}\n`).join(""));
    else if (format === "json") print(`${JSON.stringify(rows)}\n`);
    else print(table([HEAD, ...rows.map((r) => [r.id, `${r.pid}`, r.status, r.bundle, r.created, r.owner])]));
    return 0;
  },
};

/** Columns as wide as their contents. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((word, column) => word.padEnd((widths[column] ?? 0) + 2))
          .join("")
          .trimEnd()}\n`,
    )
    .join("");
}
