// contain-oci: every command.
import { type Context, NO_LAUNCHER, newContext, readLaunch, takeLaunch } from "@contain-tools/chain";
import { exit } from "@contain-tools/kernel";
import { checkpoint, restore } from "./commands/checkpoint.ts";
import { create } from "./commands/create.ts";
import type { Judge } from "./commands/delete.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { features } from "./commands/features.ts";
import { list } from "./commands/list.ts";
import { pause, resume } from "./commands/pause.ts";
import { ps } from "./commands/ps.ts";
import { run } from "./commands/run.ts";
import { spec } from "./commands/spec.ts";
import { update } from "./commands/update.ts";
import { textOf } from "./explain.ts";
import { lifeWith } from "./life.ts";
import { runProgram } from "./program.ts";

const commandsWith = (context: Context, judge: Judge) => [
  ...[create(context), ...lifeWith(judge), run(context), exec(context), list, ps, pause(context), resume(context), update(context)],
  ...[events, features, spec, checkpoint, restore],
];

export function startOci(argv: readonly string[], version: string, judge: Judge): void {
  const { launch } = readLaunch() ?? { launch: NO_LAUNCHER };
  const context = newContext(launch);
  takeLaunch(context, "contain-oci");
  exit(runProgram(commandsWith(context, judge), argv, version, textOf));
}
