// update: other limits for an existing container: `cgset --path GROUP --set …`.

import { readFileSync } from "node:fs";
import { act, cgset } from "@contain-tools/cgset";
import { type Context, runAs } from "@contain-tools/chain";
import { limitWords, resourceWords } from "../compose/resources.ts";
import { OciError } from "../failure.ts";
import { writeLog } from "../log.ts";
import type { OciCommand } from "../program.ts";
import { checkResources } from "../spec/check.ts";
import type { Resources } from "../spec/spec.ts";
import { readContainer } from "../state.ts";
import { planOf } from "../tools.ts";
import { idOf, type Words } from "../words.ts";
import { belowMount } from "./pause.ts";

/** runc's options, and the fields that they stand for. */
const NUMBERS: Readonly<Record<string, readonly [string, string]>> = {
  memory: ["memory", "limit"],
  "memory-reservation": ["memory", "reservation"],
  "memory-swap": ["memory", "swap"],
  "cpu-share": ["cpu", "shares"],
  "cpu-quota": ["cpu", "quota"],
  "cpu-period": ["cpu", "period"],
  "cpu-burst": ["cpu", "burst"],
  "cpu-idle": ["cpu", "idle"],
  "pids-limit": ["pids", "limit"],
  "blkio-weight": ["blockIO", "weight"],
};
const TEXTS: Readonly<Record<string, readonly [string, string]>> = { "cpuset-cpus": ["cpu", "cpus"], "cpuset-mems": ["cpu", "mems"] };

export const update = (context: Context): OciCommand => ({
  name: "update",
  about: "change limits",
  options: {
    resources: "value",
    r: { short: "resources" },
    ...Object.fromEntries([...Object.keys(NUMBERS), ...Object.keys(TEXTS)].map((name) => [name, "value"] as const)),
  },
  run(words, { root, log }) {
    const { group } = readContainer(root, idOf(words));
    if (group === undefined) throw new OciError("container has no group to write limits into");
    const file = words.value("resources");
    const { value, unknown } =
      file === undefined
        ? ofOptions(words)
        : checkResources(readFileSync(file === "-" ? 0 : file, "utf8"), file === "-" ? "standard input" : file);
    if (unknown.length > 0) writeLog(log, "warning", `ignored, since the specification does not know them: ${unknown.join(", ")}`);
    checkUse(value, group);
    const more = value.devices === undefined ? limitWords(value) : resourceWords(value);
    if (more.length === 0) return 0;
    const link = planOf(context, cgset, ["cgset", "--path", belowMount(group), ...more]);
    runAs(context, link, (inner) => act(inner, link.plan));
    return 0;
  },
});

function ofOptions(words: Words): ReturnType<typeof checkResources> {
  const resources: Record<string, Record<string, unknown>> = {};
  for (const [table, read] of [
    [NUMBERS, numberOf],
    [TEXTS, (_: string, text: string) => text],
  ] as const) {
    for (const [option, [group, field]] of Object.entries(table)) {
      const text = words.value(option);
      if (text !== undefined) resources[group] = { ...resources[group], [field]: read(option, text) };
    }
  }
  return checkResources(JSON.stringify(resources), "update");
}

function numberOf(option: string, text: string): number {
  const [, digits, unit = ""] = /^(-?\d+)([kmgt]?)b?$/i.exec(text) ?? [];
  if (digits === undefined) throw new OciError(`--${option} ${text}: must be a number`);
  return Number(digits) * 1024 ** ["", "k", "m", "g", "t"].indexOf(unit.toLowerCase());
}

/** memory.checkBeforeUpdate: with a limit below the present usage the kernel would kill. */
function checkUse({ memory }: Resources, group: string): void {
  const { checkBeforeUpdate, limit = 0 } = memory ?? {};
  if (!checkBeforeUpdate || limit <= 0) return;
  const used = Number(readFileSync(`${group}/memory.current`, "latin1"));
  if (limit < used) throw new OciError(`memory.limit ${limit} is below the present use, ${used}, and memory.checkBeforeUpdate is set`);
}
