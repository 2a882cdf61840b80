// ps: the processes of a container, as PIDs of the host.
import { OciError } from "../failure.ts";
import { processesOf } from "../group.ts";
import { print } from "../output.ts";
import type { OciCommand } from "../program.ts";
import { isAlive, readContainer } from "../state.ts";

export const ps: OciCommand = {
  name: "ps",
  about: "a container's processes",
  operands: "ID [WORD OF PS…]",
  options: { format: "value", f: { short: "format" } },
  program: true,
  run(words, { root }) {
    const [id = "", ...more] = words.rest;
    if (id === "") throw new OciError("missing container ID");
    const format = words.value("format") ?? "table";
    if (format !== "table" && format !== "json") throw new OciError(`--format ${format}: must be table or json`);
    const { group, init, ...container } = readContainer(root, id);
    const pids = group !== undefined ? processesOf(group) : init !== undefined && isAlive({ init }) ? [init.pid] : [];
    if (format === "json") print(`${JSON.stringify(pids.sort((a, b) => a - b))}\n`);
    else print(shown(pids, more.length > 0 ? more : ["-ef"], container.id));
    return 0;
  },
};

/** The lines of ps(1) for these, under its own head; the column is found by its name. */
function shown(pids: readonly number[], words: readonly string[], id: string): string {
  const { spawnSync } = process.getBuiltinModule("node:child_process"); // not for every command
  const { stdout, error } = spawnSync("ps", words, { encoding: "utf8" });
  if (error !== undefined) throw new OciError(`ps(1) cannot be run for ${id}: ${error.message}: --format json needs none`);
  const [head = "", ...lines] = stdout.split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column === -1) throw new OciError("ps: its output has no column PID");
  const wanted = new Set(pids.map(String));
  return [head, ...lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column] ?? ""))].map((line) => `${line}\n`).join("");
}
