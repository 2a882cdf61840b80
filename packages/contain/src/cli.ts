// All commands of `contain`.
import type { Subcommand } from "./command.ts";
import { attach } from "./commands/attach.ts";
import { cp } from "./commands/cp.ts";
import { diff } from "./commands/diff.ts";
import { doctor } from "./commands/doctor.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { explain } from "./commands/explain.ts";
import { gc } from "./commands/gc.ts";
import { inspect } from "./commands/inspect.ts";
import { kill } from "./commands/kill.ts";
import { lab } from "./commands/lab.ts";
import { list } from "./commands/list.ts";
import { logs } from "./commands/logs.ts";
import { pause, unpause } from "./commands/pause.ts";
import { port } from "./commands/port.ts";
import { rename } from "./commands/rename.ts";
import { reportCommand } from "./commands/report.ts";
import { restartCommandWith } from "./commands/restart.ts";
import { rm } from "./commands/rm.ts";
import { rootfs } from "./commands/rootfs.ts";
import { compose, createCommand, runCommand } from "./commands/run.ts";
import { startCommandWith } from "./commands/start.ts";
import { stats } from "./commands/stats.ts";
import { stop } from "./commands/stop.ts";
import { top } from "./commands/top.ts";
import { update } from "./commands/update.ts";
import { wait } from "./commands/wait.ts";
import { watchCommand } from "./commands/watch.ts";

export const COMMANDS: readonly Subcommand[] = [
  runCommand,
  createCommand,
  startCommandWith(compose),
  exec,
  cp,
  diff,
  list,
  stats,
  events,
  top,
  port,
  inspect,
  explain,
  watchCommand,
  update,
  logs,
  attach,
  wait,
  stop,
  kill,
  restartCommandWith(compose),
  pause,
  unpause,
  rename,
  rm,
  gc,
  doctor,
  reportCommand,
  rootfs,
  lab,
];
