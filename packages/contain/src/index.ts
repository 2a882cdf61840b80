// What an ordinary Node program imports: it starts `contain run` as a process, so that no flag of Node and no native code is needed.
export { type Container, run, type Started } from "./library/run.ts";
export { ContainError, type End, type Finding, type RunSpec, type Stats, type Usage } from "./library/types.ts";
