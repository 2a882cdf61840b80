// What makes a program a link of a chain.
import "./startuptimes.ts"; // the first, so that it sees the others being loaded

export { become, programOf, runAs, sayRunning, someLink } from "./become.ts";
export { readBinary } from "./binary.ts";
export type { Bundle } from "./bundle.ts";
export { capture } from "./capture.ts";
export { planTool, start, takeLaunch } from "./chain.ts";
export { enterConsole, makeConsole, replaceStdio } from "./console.ts";
export { type Context, forHelper, newContext, variables } from "./context.ts";
export { canRun } from "./denied.ts";
export { type Evidence, evidenceFrom, type Finding } from "./evidence.ts";
export { execProgram } from "./exec.ts";
export { whyNotExecutable } from "./execdiagnosis.ts";
export { canBeReadAgain, checkReadAgain, readGiven } from "./given.ts";
export { optionGroups } from "./help.ts";
export { type Hooks, readHooks, runHook, runHooks } from "./hooks.ts";
export { NO_LAUNCHER, readLaunch } from "./launch.ts";
export type { Chain, Command, Link, Next, Program, Tool, ToolPlan } from "./link.ts";
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
export { modeOf, unmapped, walkPath } from "./pathwalk.ts";
export { withCommon } from "./plan.ts";
export { rawVariables } from "./rawwords.ts";
export { type Failure, fail, fork, parseFailure, report, sayStep, sayWrite, warn } from "./report.ts";
export { findProgram } from "./search.ts";
export { spawnProgram } from "./spawn.ts";
export { phaseEnds, profile, profileTable } from "./startuptimes.ts";
export { prepareLimits, readRlimits, readUlimits } from "./ulimit.ts";
export { becomeUser, chownTerminal, findUser, type Identity, readUser, type UserWords } from "./user.ts";
