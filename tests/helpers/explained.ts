// Something real is staged, in a control group of its own, and `contain explain --json` is asked about it.
import { join } from "node:path";
import type { Finding } from "../../packages/chain/src/evidence.ts";
import { makeGroup } from "./group.ts";
import { bin, type RunOptions, run } from "./run.ts";
import { start } from "./started.ts";
import { pause } from "./wait.ts";

export interface Explained {
  readonly findings: readonly (Finding & { readonly section: string })[];
  /** The codes, in their order. */
  readonly codes: readonly string[];
  /** The texts of all statements with this code. */
  text(code: string): string;
}

export function parse(stdout: string): Explained {
  const { findings } = JSON.parse(stdout) as { findings: Explained["findings"] };
  return {
    findings,
    codes: findings.map(({ code }) => code),
    text: (code) =>
      findings
        .filter((finding) => finding.code === code)
        .map(({ text }) => text)
        .join("\n"),
  };
}

export function explain(words: readonly string[], options: RunOptions = {}): Explained {
  const { status, stdout, stderr } = run([join(bin, "contain"), "explain", "--json", ...words], options);
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  return parse(stdout);
}

/** `child PID` is its first child, `named PID NAME` waits until it has become that program. */
const PRELUDE = `
  soon() { tries=0; until "$@" 2>/dev/null; do tries=$((tries + 1)); [ $tries -lt 3000 ] || { echo "in vain: $*" >&2; exit 1; }; sleep 0.02; done; }
  has_child() { found=; read -r found _ </proc/$1/task/$1/children; [ -n "$found" ]; }
  child() { soon has_child $1; echo "$found"; }
  is_named() { read -r comm </proc/$1/comm && [ "$comm" = "$2" ]; }
  named() { soon is_named $1 $2; }
  state() { soon grep -q "^State:.$2" /proc/$1/status; }
`;

let counter = 0;

/** Runs a script that prints `target PID` and then `ready`; what it has started is killed afterwards. */
export async function staged<T>(script: string, look: (pid: number, group: string) => T): Promise<T> {
  const group = makeGroup(`explain-${counter++}`);
  let target = 0;
  try {
    const started = start(`GROUP=${group.dir}; echo 0 >$GROUP/cgroup.procs; ${PRELUDE}${script}\necho ready; sleep 1000`);
    started.ended.catch(() => {});
    await started.shows("ready");
    target = Number(/^target (\d+)$/m.exec(started.output().stdout)?.[1]);
    return look(target, group.dir);
  } finally {
    // cgroup.kill sends to the first thread, which does not pass it on when it has ended (send_sig in kernel/cgroup).
    if (target > 0) run(["kill", "-KILL", `${target}`]);
    await group.remove().catch(() => pause(500).then(() => group.remove())); // rmdir says EBUSY until the last one has left for good
  }
}
