// The options of `contain run`.
import { limitOptions } from "@contain-tools/cgset";
import { withCommon } from "@contain-tools/kernel";

export const runOptions = withCommon({
  rootfs: { type: "string", valueHint: "DIR", description: "the container's root (the host's own /, read-only)" },
  rw: { type: "boolean", description: "leave the root writable" },
  name: { type: "string", valueHint: "NAME", description: "a name beside the id" },
  hostname: { type: "string", valueHint: "NAME", description: "the container's host name (sandbox)" },
  ...limitOptions,
  env: { type: "string", alias: "e", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for the program" },
  workdir: { type: "string", alias: "w", valueHint: "DIR", description: "working directory inside (/)" },
  init: { type: "boolean", description: "run pid1 as PID 1, and the program as its child" },
  grace: { type: "string", valueHint: "TIME", description: "from SIGTERM or SIGINT to SIGKILL (10s)" },
  "stop-signal": { type: "string", valueHint: "SIG", description: "what SIGTERM and `contain stop` send to PID 1 (TERM)" },
  json: { type: "string", valueHint: "FILE", description: "write the report of the end there, as one object" },
  "print-chain": { type: "boolean", description: "print what would be run, as a shell script, and run nothing" },
  quiet: { type: "boolean", alias: "q", description: "no [contain] lines" },
});
export type RunOption = keyof typeof runOptions;
