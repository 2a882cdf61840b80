// --restart: its words, and whether an ended container is started again.
import type { Values } from "@contain-tools/chain";
import { parseCount, quote, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, UsageError } from "@contain-tools/kernel";
import { notedSignals, type RestartPolicy } from "@contain-tools/state";
import type { RunPlan } from "./plan.ts";
import type { End } from "./reportend.ts";

const KINDS = ["on-failure", "always", "unless-stopped"] as const satisfies readonly RestartPolicy["when"][];

/** undefined without it, or with `no`. @throws UsageError */
export function readRestart(given: Values<"restart" | "rm">): RestartPolicy | undefined {
  const text = given.value("restart");
  if (text === undefined || text === "no") return undefined;
  const [, kind, , most] = /^([a-z-]+)(:(.*))?$/.exec(text) ?? [];
  const when = KINDS.find((name) => name === kind);
  if (when === undefined) throw new UsageError(`--restart ${quote(text)}: must be no, on-failure[:N], always or unless-stopped`);
  if (most !== undefined && when !== "on-failure")
    throw new UsageError(`--restart ${text}: only on-failure has a number`, `--restart ${when}, or on-failure:${most}`);
  if (given.has("rm"))
    throw new UsageError("--restart and --rm exclude each other", "--rm forgets the container at its end; `contain rm -f ID` does both");
  return { when, most: most === undefined ? 0 : parseCount("--restart on-failure", most, 0, 1_000_000) };
}

/** `on-failure:3`. */
export const describePolicy = ({ when, most }: RestartPolicy) => (most > 0 ? `${when}:${most}` : when);

/** What `contain kill` sends to end a container. */
export const isStopping = (signal: number) => [SIGKILL, SIGTERM, SIGINT, SIGQUIT].includes(signal);

const INTERRUPTED = 128 + SIGINT;

/** Why a container is not started again; undefined if it is. */
export function whyNotAgain({ id, detach, stopSignal, restart }: RunPlan, end: End, restarts: number): string | undefined {
  const { asked, killedByUs, sent, interrupted } = end.outcome;
  if (restart === undefined) return "there is no --restart";
  if (restart.when === "on-failure" && end.status === 0) return "it has succeeded";
  const ends = detach ? [SIGTERM, SIGINT] : [SIGTERM, SIGINT, SIGHUP]; // and the last one with its terminal
  if (asked !== undefined || killedByUs !== undefined || sent.some(({ received }) => ends.includes(received))) return "it was asked to end";
  if (!detach && (interrupted || end.status === INTERRUPTED)) return "Ctrl-C ended it";
  const isEnd = (signal: number) => isStopping(signal) || signal === stopSignal;
  const killed = notedSignals(id).sent.findLast(({ target, signal }) => target === undefined && isEnd(signal));
  if (killed !== undefined) return `${killed.command} ended it`;
  if (restart.most > 0 && restarts >= restart.most) return `it was started again ${restarts} times`;
  return undefined;
}
