import { SIGTERM } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { lacks } from "./processes.ts";

export const sigtermIgnored: Lab = {
  name: "sigterm-ignored",
  title: "SIGTERM does nothing, and the stop takes all its grace time",
  story:
    "A service is stopped or rolled out, and each stop takes exactly the grace time (10 s with docker, 30 s with kubernetes). Its last line in the log is missing, and its exit status is 137.",
  needs: [],
  commands: () => [
    ["contain", "run", "-q", "--grace", "1s", "--", "sleep", "60"],
    ["contain", "run", "-q", "--grace", "1s", "--init", "--", "sleep", "60"],
  ],
  question: "Each one gets a SIGTERM, as `docker stop` sends it. sleep has no handler for SIGTERM. How does the first one end?",
  answers: [
    "at once, with exit status 143 (128+15)",
    "after the grace time, with exit status 137 (128+9)",
    "after 60 s, with exit status 0",
  ],
  right: 1,
  play(stage) {
    const bare = stage.start(0);
    const { pid } = stage.container(bare);
    const status = `/proc/${pid}/status`;
    stage.field(status, "NSpid", "pid_namespaces(7): its PIDs from the outermost namespace to its own; 1 is the init of its namespace");
    const caught = stage.field(status, "SigCgt", "proc_pid_status(5): the signals with a handler; SIGTERM, 15, is bit 14: 4000");
    stage.signal(bare, SIGTERM);
    const killed = stage.end(bare);
    stage.check("PID 1 has no handler for SIGTERM", lacks(caught, SIGTERM));
    stage.check("it lived on until the grace time was over", killed.milliseconds >= 1000);
    stage.check("SIGKILL ended it: exit status 137", killed.status === 137);
    const withInit = stage.start(1);
    stage.container(withInit);
    stage.signal(withInit, SIGTERM);
    const ended = stage.end(withInit);
    stage.check("under an init SIGTERM ended the same program: exit status 143", ended.status === 143);
  },
  why: "The kernel discards a signal for PID 1 of a PID namespace that PID 1 has no handler for, so that nobody inside can end the init by mistake (pid_namespaces(7)). The default action of SIGTERM is for all other processes. SIGKILL from outside cannot be discarded. Under --init the program is not PID 1, and pid1 forwards the signal to it.",
  fix: "Give the program a handler for SIGTERM, or run it under an init: `contain run --init`, `docker run --init`.",
};
