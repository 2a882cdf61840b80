// Starts a chain as a child, up to where it is left behind.
import { become, type Context, type Link, parseFailure, runAs } from "@contain-tools/chain";
import { inside, passOn, type Spawned, spawn, waitUntilStarted, watch } from "@contain-tools/nsexec";
import { keyboard, startRelay } from "@contain-tools/terminal";
import { textOfFailure } from "./explain.ts";
import { OciError } from "./failure.ts";
import type { NsexecPlan } from "./tools.ts";

/**
 * Starts the chain and waits until its program runs, or a `hold` before it has been reached.
 *
 * @param program its name, for the message
 * @param meanwhile called while the child waits in its new namespaces
 * @throws OciError if it fails; the child has ended then
 */
export function launch(context: Context, link: Link<NsexecPlan>, program: string, meanwhile: (pid: number) => void): Spawned {
  const spawned = runAs(context, link, (inner) =>
    spawn(
      { ...inner, quiet: true }, // what fails is told by us
      link.plan,
      (own) => {
        inside(own, link.plan);
        return become(own, link.plan.next);
      },
      meanwhile,
    ),
  );
  if (waitUntilStarted(context, spawned, { pidFile: link.plan.leave?.pidFile }) === undefined) return spawned;
  const word = spawned.failed();
  const why = word === undefined ? "its first process was killed: too little memory, perhaps" : textOfFailure(parseFailure(word), program);
  throw new OciError(`unable to start container process: ${why}`);
}

/** Stays as the parent of a chain that was not left behind, and passes on signals and its terminal. Returns its wait status. */
export function waitAndForward(context: Context, spawned: Spawned, plan: NsexecPlan): number {
  const { pid } = spawned;
  const relay = plan.tty ? startRelay(spawned, { input: keyboard(context), output: 1 }) : undefined;
  const status = watch({
    pid,
    ownGroup: plan.foreground,
    hadTerminal: plan.hadTerminal,
    stopWithChild: () => !plan.tty,
    mayHaveEnded: true, // while we waited for the start
    ...(relay === undefined ? {} : { sources: relay.sources }),
    onSignal: (info) => {
      if (relay?.takes(info) !== true) passOn(plan, pid, info);
    },
  });
  relay?.end();
  return status;
}
