// Why a program may have exited with an error: what the kernel counted meanwhile, a tmpfs that is full, the last words of the program.
// Hints all: the kernel does not say why a program exits.

import type { Evidence, Finding } from "@contain-tools/chain";
import { monotonic, readIfThere } from "@contain-tools/kernel";
import { formatBytes } from "../usage.ts";
import type { Case } from "./case.ts";
import { growth } from "./chain.ts";

/** @returns findings that are not certain, with codes that begin with `hint-` */
export function hints(c: Case): Finding[] {
  const pids = pidsLimit(c);
  return [...pids, ...fullTmpfs(c), ...lastWords(c, pids.length > 0)];
}

const hint = (code: string, text: string, evidence: readonly Evidence[], fix?: string): Finding => ({
  ...{ code: `hint-${code}`, text: `a hint: ${text}`, certain: false, evidence },
  ...(fix === undefined ? {} : { fix }),
});

const PIDS_RULE = "cgroup-v2.rst pids.events: max counts the forks that pids.max refused (EAGAIN)";

/** Up to Linux 6.11 pids.events counts where the fork was tried; since then where the limit is, and pids.events.local without the groups below. */
function pidsLimit(c: Case): Finding[] {
  const { after } = c.chain;
  const fix = "a higher --pids";
  const told = (times: number, where: string, evidence: readonly Evidence[]) =>
    hint("pids-limit", `${times} fork${times === 1 ? " was" : "s were"} refused (EAGAIN) by pids.max of ${where}`, evidence, fix);
  const local = after.map((_, level) => growth(c.chain, level, "pids.events.local", "max", PIDS_RULE));
  const at = local.findIndex(({ by }) => by);
  if (at > 0)
    return [
      told(
        local[at]?.by ?? 0,
        `${after[at]?.dir}, above the container's group; by a process of the container's or of another one there`,
        local.slice(at, at + 1).map(({ evidence }) => evidence),
      ),
    ];
  const own = growth(c.chain, 0, "pids.events", "max", PIDS_RULE);
  if (own.by === undefined && !own.absent)
    return [hint("cannot-tell", "whether a fork was refused: cannot tell; pids.events would", [own.evidence])];
  if (!own.by) return [];
  const limits = after.flatMap(({ dir }) => {
    const max = readIfThere(`${dir}/pids.max`)?.trim();
    return max === undefined || max === "max" ? [] : [{ source: `${dir}/pids.max`, value: max, rule: "cgroup-v2.rst pids.max" }];
  });
  const [one, another] = limits;
  if (at === 0 || (one !== undefined && another === undefined)) {
    const limit = at === 0 ? limits.find(({ source }) => source === `${after[0]?.dir}/pids.max`) : one;
    return [
      told(own.by, limit?.source.replace(/\/pids.max$/, ` (${limit.value})`) ?? "the container's group", [
        own.evidence,
        ...(limit === undefined ? [] : [limit]),
      ]),
    ];
  }
  return [told(own.by, "one of the groups in the chain; which: cannot tell", [own.evidence, ...limits])];
}

function fullTmpfs({ seen: { tmpfs } }: Case): Finding[] {
  return tmpfs.flatMap(({ mountPoint, at, stat }) => {
    const { bsize, blocks, bfree, files, ffree } = stat;
    const before = `${((monotonic() - at) / 1000).toFixed(1)} s before the end`;
    const evidence = (value: string) => [
      { source: `statfs(${mountPoint})`, value, rule: "tmpfs(5): ENOSPC when size= or nr_inodes= is reached" },
    ];
    if (blocks > 0 && bfree === 0)
      return [
        hint(
          "tmpfs-full",
          `the tmpfs on ${mountPoint} was full ${before}, ${formatBytes(blocks * bsize)} (ENOSPC)`,
          evidence(`${blocks} blocks, 0 free`),
          "a larger --tmpfs DST:SIZE",
        ),
      ];
    if (files > 0 && ffree === 0)
      return [hint("tmpfs-full", `the tmpfs on ${mountPoint} had no inode left ${before} (ENOSPC)`, evidence(`${files} inodes, 0 free`))];
    return [];
  });
}

const WORDS: readonly (readonly [code: string, errno: string, text: RegExp, fix: string])[] = [
  ["read-only", "EROFS", /Read-only file system/, "--tmpfs, --volume or --overlay for what must be written, or --rw"],
  ["permission", "EACCES", /Permission denied/, "the mode and owner of what it names, for the user of --user"],
  ["no-space", "ENOSPC", /No space left on device/, "room where it writes"],
];
const FORK = /(fork|clone|thread|spawn).*Resource temporarily unavailable/i;

/** Errors that the program itself has written, in the end of its log. */
function lastWords(c: Case, refused: boolean): Finding[] {
  const lines = (c.output ?? "").split("\n");
  const saying = (text: RegExp) => lines.findLast((line) => text.test(line));
  const said = WORDS.flatMap(([code, errno, text, fix]) => {
    const line = saying(text);
    if (line === undefined) return [];
    const evidence = { source: "the end of its log", value: line, rule: `errno(3) ${errno}, as the program words it` };
    return [hint(code, `it wrote ${JSON.stringify(line)} (${errno})`, [evidence], fix)];
  });
  const fork = refused ? undefined : saying(FORK);
  return fork === undefined ? said : [...said, refusedFork(c, fork)];
}

/** pids.max counts what it refuses; these three do not. */
function refusedFork({ seen: { program } }: Case, line: string): Finding {
  const limits = ["threads-max", "pid_max"].map((name) => ({
    ...{ source: `/proc/sys/kernel/${name}`, value: readIfThere(`/proc/sys/kernel/${name}`)?.trim(), rule: "fork(2) EAGAIN" },
  }));
  const own = { source: "/proc/PID/limits Max processes", value: program?.maxProcesses, rule: "fork(2) EAGAIN, getrlimit(2) RLIMIT_NPROC" };
  const values = `RLIMIT_NPROC ${own.value ?? "?"}, kernel.threads-max ${limits[0]?.value ?? "?"}, kernel.pid_max ${limits[1]?.value ?? "?"}`;
  const text = `it wrote ${JSON.stringify(line)} (EAGAIN), and pids.max refused nothing. Of the others cannot be told which it was: ${values}`;
  return hint("fork-refused", text, [{ source: "the end of its log", value: line, rule: "fork(2) EAGAIN" }, own, ...limits]);
}
