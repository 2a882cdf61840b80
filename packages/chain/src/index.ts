// What makes a program a link of a chain.
import "./startuptimes.ts"; // the first, so that it sees the others being loaded

export { become, enterLink, programOf, sayRunning, someLink } from "./become.ts";
export { readBinary } from "./binary.ts";
export { capture } from "./capture.ts";
export { failPlanned, planChain, start, takeLaunch } from "./chain.ts";
export { enterConsole, makeConsole, replaceStdio } from "./console.ts";
export { canRun } from "./denied.ts";
export { type Evidence, evidenceFrom, type Finding } from "./evidence.ts";
export { execProgram } from "./exec.ts";
export { canBeReadAgain, checkReadAgain, readGiven } from "./given.ts";
export { optionGroups } from "./help.ts";
export { type Hook, type Hooks, readHooks, runHook, runHooks } from "./hooks.ts";
export { NO_LAUNCHER, readLaunch, type Start } from "./launch.ts";
export type { Chain, Command, Link, Next, Program, Settings, Tool } from "./link.ts";
export {
  closestWord,
  type Given,
  type Instead,
  type OptionSpec,
  type Options,
  type OptionTable,
  readOptions,
  type Values,
  valuesOf,
} from "./options.ts";
export { payload, variables } from "./payload.ts";
export { withCommon } from "./plan.ts";
export { keepRawVariables } from "./rawwords.ts";
export { type Failure, failurePipe, parseFailure, report, steps, warn } from "./report.ts";
export { asTool } from "./runas.ts";
export { findProgram } from "./search.ts";
export { spawnProgram } from "./spawn.ts";
export { phaseEnds, profile, profileTable } from "./startuptimes.ts";
export { prepareLimits, readRlimits, readUlimits } from "./ulimit.ts";
export { becomeUser, chownTerminal, findUser, type Identity, readUser, type UserWords } from "./user.ts";
