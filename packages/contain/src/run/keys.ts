// Says why Ctrl-C, Ctrl-\ and Ctrl-Z do nothing, where that is so. The third Ctrl-C within two seconds kills the container; docker's client
// gives up then, too.
import { type Context, sayStep } from "@contain-tools/chain";
import { describeReaction, reactionOf } from "@contain-tools/explain";
import {
  childrenOf,
  monotonic,
  POLLIN,
  pollOnce,
  procDirectory,
  readIfThere,
  SIGINT,
  SIGQUIT,
  SIGTSTP,
  type Source,
  statFields,
  takeTicks,
  timerfd,
} from "@contain-tools/kernel";
import { type Ears, listenIn, type Relay } from "@contain-tools/terminal";

interface Container {
  readonly first: () => number;
  readonly init: boolean;
  readonly relay: Relay | undefined;
  readonly hadTerminal: boolean;
  readonly sources: Source[];
  readonly lasts: boolean;
}

/** Watches the keys of our terminal. Returns a function that stops this, and says whether a Ctrl-C came to the container. */
export function watchKeys(context: Context, container: Container, kill: () => void): () => boolean {
  const { first, init, relay, hadTerminal, sources } = container;
  const program = () => (init ? (childrenOf(first())[0] ?? first()) : first());
  const said = keyPolicy(context, container, kill);
  relay?.onKey((signal, group) => groupOf(program()) === group && said(signal));
  if (relay !== undefined || !hadTerminal || init) return () => false;
  let ears: Ears | undefined;
  let interrupted = false;
  const timer = timerfd(LATER);
  const source: Source = {
    fd: timer,
    wants: () => (ears === undefined ? POLLIN : undefined),
    ready: () => {
      takeTicks(timer);
      const leader = first();
      // Only in a group that PID 1 leads: a member keeps the PID of any other leader in use, and PID 1 ends only when all others are free.
      if (groupOf(leader) !== leader) return;
      ears = listenIn(leader, (signal) => {
        interrupted ||= signal === SIGINT;
        said(signal);
      });
      sources.push(ears.source);
    },
  };
  sources.push(source);
  return () => {
    // A program that ends by Ctrl-C may end before the key is reported here.
    if (ears !== undefined && container.lasts && pollOnce(ears.source.fd, POLLIN, SETTLES)) ears.source.ready(POLLIN);
    ears?.end();
    return interrupted;
  };
}

const LATER = 300; // milliseconds: for a program that ends sooner we start no process
const SETTLES = 20; // milliseconds for a key to end what it can end
const LOOKS = 10; // a shell blocks all signals for a moment before it waits for a child
const WINDOW = 2000; // milliseconds
const PRESSES = 3;
const NAMES: Readonly<Record<number, string>> = { [SIGINT]: "Ctrl-C", [SIGQUIT]: "Ctrl-\\", [SIGTSTP]: "Ctrl-Z" };

function keyPolicy(context: Context, { first, init }: Container, kill: () => void): (signal: number) => void {
  let presses: readonly number[] = [];
  return (signal) => {
    const reaction = settled(first(), signal, init);
    if (reaction === undefined) return;
    const now = monotonic();
    const recent = presses.filter((at) => now - at < WINDOW);
    if (signal === SIGINT) presses = [...recent, now];
    const way = signal === SIGINT ? " Three times within two seconds, it kills the container." : "";
    if (recent.length === 0) sayStep(context, `${NAMES[signal]}: ${describeReaction(reaction, signal)}${way}`);
    if (signal === SIGINT && presses.length >= PRESSES) kill();
  };
}

/** What happened to a key; undefined if it has an effect. */
function settled(first: number, signal: number, init: boolean): ReturnType<typeof reactionOf> | undefined {
  for (let looks = 0; looks < LOOKS; looks++) {
    pollOnce(-1, 0, SETTLES);
    const reaction = reactionOf(first, signal, init);
    if (statOf(first)[0] === "Z" || reaction.fate === undefined) return undefined;
    if (reaction.fate === "dropped" || reaction.fate === "ignored") return reaction;
    if (reaction.fate !== "blocked" || looks === LOOKS - 1) return reaction.fate === "blocked" ? reaction : undefined;
  }
  return undefined;
}

const statOf = (pid: number) => statFields(readIfThere(`${procDirectory(pid)}/stat`) ?? "");

function groupOf(pid: number): number | undefined {
  const group = Number(statOf(pid)[2]);
  return group > 0 ? group : undefined;
}
