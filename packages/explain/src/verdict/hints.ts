// Why a program may have exited with an error: what the kernel counted meanwhile, a full tmpfs, the program's last words. All of them are
// hints: the kernel does not say why a program exits.

import type { Finding } from "@contain-tools/chain";
import type { Case } from "./case.ts";
import { endOfMounts } from "./endmounts.ts";
import { lastWords } from "./lastwords.ts";
import { pidsLimit } from "./pids.ts";
import { reachedLimits } from "./reached.ts";
import { shellExit } from "./shellexit.ts";

/** @returns findings that are not certain; their codes begin with `hint-` */
export function hints(c: Case): Finding[] {
  const pids = pidsLimit(c);
  const shell = shellExit(c);
  const mounts = endOfMounts(c);
  const isFull = mounts.some(({ code }) => code === "hint-tmpfs-full");
  const words =
    shell.length > 0
      ? []
      : lastWords(c, pids.length > 0).filter((one) => !(isFull && one.code === "hint-no-space" && one.evidence.length === 1));
  const told = words.map(({ code }) => code);
  return [...pids, ...mounts, ...shell, ...words, ...reachedLimits(c.seen.reached, told)];
}
