// The signal policy of the supervisor: what it forwards, the grace window, and who ended the container.
import { type Context, sayStep } from "@contain-tools/chain";

import type { Outcome, PassedOn, Reaction } from "@contain-tools/explain";
import { describeReaction, formatTime, processesInD, reactionOf, senderOf } from "@contain-tools/explain";
import {
  kill,
  killGroup,
  monotonic,
  reachedTheGroup,
  SI_QUEUE,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SIGTERM,
  type SignalInfo,
  type Source,
} from "@contain-tools/kernel";
import { watch } from "@contain-tools/nsexec";
import type { Recorder } from "@contain-tools/record";
import type { Relay } from "@contain-tools/terminal";
import { watchKeys } from "./keys.ts";

interface Supervised {
  /** PID 1 of the container, or with --chain exec the nsexec before it. */
  readonly pid: number;
  readonly group: string | undefined;
  /** PID 1 of the container, `pid1` with --init. */
  readonly first: () => number;
  readonly init: boolean;
  /** The signal that replaces SIGTERM to the supervisor and is sent by `contain stop`. */
  readonly stopSignal: number;
  /** Milliseconds from the first SIGTERM or SIGINT to SIGKILL. */
  readonly grace: number;
  /** The container is the terminal's foreground process group. */
  readonly foreground: boolean;
  /** Its processes are in their own group without a terminal, so keys reach only us. */
  readonly ownGroup: boolean;
  readonly hadTerminal: boolean;
  /** The outer end of its pseudo-terminal. */
  readonly relay: Relay | undefined;
  /** Descriptors to serve in the meantime. */
  readonly sources: Source[];
  readonly recorder: Recorder | undefined;
  /** With --restart. */
  readonly lasts: boolean;
}

/** Forwards signals to the container until it has ended. All signals must be blocked. */
export function supervise(context: Context, container: Supervised): Outcome {
  const { pid, init, foreground, ownGroup, hadTerminal, relay, sources, recorder } = container;
  // Closing a terminal ends what ran in it; without a pseudo-terminal the kernel signals the container itself.
  const ends = relay === undefined ? [SIGTERM, SIGINT] : [SIGTERM, SIGINT, SIGHUP];
  let deadline: number | undefined;
  let asked: Outcome["asked"];
  const sent: PassedOn[] = [];
  const keep = (one: PassedOn) => sent.length < MAX_SIGNALS && sent.push(one);
  const reactionTo = (signal: number) => reactionOf(container.first(), signal, init);
  const forward = (info: SignalInfo, signal: number, reaction?: Reaction) => {
    const { signal: received } = info;
    recorder?.signal(info, signal);
    const from = senderOf(info);
    const before = reaction ?? (sent.length < MAX_SIGNALS ? reactionTo(signal) : undefined);
    if (kill(pid, signal)) keep({ signal, received, from, direct: false, reaction: before });
  };
  let killedByUs: Outcome["killedByUs"];
  let again = false;
  let inD: Outcome["inD"] = [];
  const killNow = (why: keyof typeof WHY) => {
    killedByUs = why;
    again &&= why === "grace";
    inD = processesInD(pid, container.group);
    deadline = undefined;
    recorder?.killed(WHY[why]);
    killContainer(container);
  };
  const endKeys = watchKeys(context, container, () => {
    sayStep(context, `${WHY.keys}: SIGKILL now`);
    killNow("keys");
  });
  const status = watch({
    pid,
    ownGroup: foreground,
    hadTerminal,
    // A key on the terminal stops the whole job; a kill -STOP from elsewhere concerns only the container.
    stopWithChild: () => foreground,
    sources,
    onSignal: (info) => {
      if (relay?.takes(info)) return;
      if (!foreground && relay === undefined && reachedTheGroup(info.signal, info.code)) {
        recorder?.signal(info, ownGroup ? info.signal : undefined);
        const { signal } = info;
        const reaction = reactionTo(signal); // of what has ended by it, nothing is caught any more
        if (!ownGroup || kill(-pid, signal)) keep({ signal, received: signal, from: senderOf(info), direct: !ownGroup, reaction });
        return;
      }
      if (ownGroup && info.signal === SIGCONT) kill(-pid, SIGCONT);
      if (!ends.includes(info.signal)) {
        forward(info, info.signal);
        return;
      }
      if (info.signal === SIGINT && asked?.signal === SIGINT) {
        recorder?.signal(info, undefined);
        sayStep(context, "second SIGINT: SIGKILL now");
        killNow("interrupt");
        return;
      }
      again = wantsRestart(info);
      const grace = info.code === SI_QUEUE ? (again ? ~info.value : info.value) : container.grace;
      const signal = info.signal === SIGTERM ? container.stopSignal : info.signal;
      const reaction = reactionTo(signal);
      asked ??= { signal: info.signal, sent: signal, from: senderOf(info), reaction };
      sayStep(context, `${describeReaction(reaction, signal)} SIGKILL in ${formatTime(grace)}.`);
      forward(info, signal, reaction);
      deadline = Math.min(deadline ?? Number.POSITIVE_INFINITY, monotonic() + grace);
      if (grace === 0) killNow("grace");
    },
    onHangupKill: () => {
      killedByUs = "hangup";
      recorder?.killed("the terminal was closed, and PID 1 has no handler for SIGHUP");
    },
    timeout: () => (deadline === undefined ? undefined : Math.max(0, deadline - monotonic())),
    onTimeout: () => {
      sayStep(context, "the grace window is over: SIGKILL");
      killNow("grace");
    },
  });
  const interrupted = endKeys();
  return { status, killedByUs, asked, inD, sent, again, interrupted };
}

/** The value sent by `contain restart`: SIGTERM with the complement of the grace time, which `contain stop` never sends. */
export const wantsRestart = ({ signal, code, value }: SignalInfo) => signal === SIGTERM && code === SI_QUEUE && value < 0;

const WHY = {
  grace: "the grace window is over",
  interrupt: "a second SIGINT came",
  keys: "Ctrl-C came three times within two seconds",
} as const;
const MAX_SIGNALS = 100; // signals remembered

function killContainer({ pid, group }: Supervised): void {
  if (group !== undefined) {
    try {
      killGroup(group);
      return;
    } catch {
      // the group is gone, or its files cannot be written: the namespace still dies with its PID 1
    }
  }
  kill(pid, SIGKILL);
}
