// Scripts in an outer mount namespace, which stands for the host: what a test stages there is gone with it, other tests that
// mount do not disturb it, and its mountinfo can be compared byte for byte.
import { bin, type Result, type RunOptions, run } from "./run.ts";

interface Isolated extends RunOptions {
  /** Propagation of every mount there. The real host's peers are left first, so nothing can travel that far. */
  readonly shared?: boolean;
}

/** Runs a script with /bin/sh, the tools on PATH. `same` prints "changed" if the outer mountinfo is not what `before` saw. */
export function isolated(script: string, { shared = false, ...options }: Isolated = {}): Result {
  const prelude = `
    PATH=${bin}:$PATH
    ${shared ? "mount --make-rshared /" : ""}
    before() { before=$(cat /proc/self/mountinfo); }
    same() { [ "$before" = "$(cat /proc/self/mountinfo)" ] || echo "changed: $*"; }
    nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }`;
  return run(["unshare", "--mount", "--propagation", "private", "sh", "-c", `${prelude}\n${script}`], options);
}

export interface Mount {
  readonly root: string;
  readonly point: string;
  /** Per-mount flags, sorted: `nodev,noexec,nosuid,ro`. */
  readonly flags: string;
  readonly type: string;
  /** File system options, as `size=1024k`. */
  readonly options: readonly string[];
}

/** The lines of a mountinfo file in some output; a later mount on the same place covers the earlier one. */
export function readMounts(text: string): Map<string, Mount> {
  const lines = text.split("\n").filter((line) => /^\d+ \d+ \d+:\d+ /.test(line));
  return new Map(
    lines.map((line) => {
      const [head = "", tail = ""] = line.split(" - ");
      const [, , , root = "", point = "", flags = ""] = head.split(" ");
      const [type = "", , options = ""] = tail.split(" ");
      return [point, { root, point, flags: flags.split(",").sort().join(","), type, options: options.split(",") }];
    }),
  );
}
