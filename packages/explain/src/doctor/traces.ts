// Whether `contain watch` can learn who sends a signal: by the kernel's tracing, through a tracefs that is not attached anywhere.
import { close, codeOf, exists, newMount } from "@contain-tools/kernel";
import { strangePids } from "../verdict/case.ts";
import { asRoot, type Check, check, type Verdict } from "./check.ts";

export const traceChecks = (): Check[] => [check("tracing of signals", signals)];

const RULE = "Documentation/trace/events.rst; CONFIG_FTRACE, CONFIG_EVENT_TRACING";

function signals(): Verdict {
  const source = "fsopen(tracefs)";
  let mount: number;
  try {
    mount = newMount("tracefs", {}, 0);
  } catch (error) {
    const problem = codeOf(error) ?? String(error);
    const evidence = [{ source, value: undefined, problem, rule: RULE }];
    const isRight = problem === "EPERM" || problem === "EACCES";
    return {
      state: isRight ? "limited" : "missing",
      text: `${problem}: \`contain watch\` will not know who sends a signal`,
      evidence,
      fix: isRight ? asRoot("contain doctor") : undefined,
    };
  }
  try {
    const event = "events/signal/signal_generate";
    const found = exists(`/proc/self/fd/${mount}/${event}`);
    const evidence = [{ source: `tracefs ${event}`, value: found ? "there" : "not there", rule: RULE }];
    const strange = strangePids();
    if (found && strange !== undefined)
      return { state: "limited", text: `tracefs has signal_generate, but ${strange}: \`contain watch\` will not use it`, evidence };
    if (found) return { state: "ok", text: "tracefs has signal_generate: `contain watch` tells who sends a signal", evidence };
    return { state: "missing", text: "tracefs has no signal_generate: `contain watch` will not know who sends a signal", evidence };
  } finally {
    close(mount);
  }
}
