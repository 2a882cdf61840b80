import { existsSync } from "node:fs";
import { childrenOf } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { descendantsOf } from "./processes.ts";

const SCRIPT = '(trap "echo cleaning up" TERM HUP EXIT; sleep 60 & wait; echo done) & read go; exit 0';

export const pid1Exits: Lab = {
  name: "pid1-exits",
  title: "PID 1 ends, and everything else is killed at once",
  story:
    "A start script puts a worker in the background and ends with 0, or the main program ends while others still write. Files are truncated, nothing was cleaned up, and the exit status reports success.",
  needs: [],
  commands: () => [["contain", "run", "-q", "--", "sh", "-c", SCRIPT]],
  question:
    "A worker in the background has a trap for SIGTERM, SIGHUP and its end. PID 1 reads a line (Enter) and ends with 0. What happens to the worker?",
  answers: ["it goes on in the background", "it gets SIGTERM, cleans up, and ends", "it gets SIGKILL, and nothing of it runs any more"],
  right: 2,
  play(stage) {
    const running = stage.start(0);
    const { pid } = stage.container(running);
    stage.until("the worker waits", () => descendantsOf(pid).length >= 2);
    stage.pause(300);
    const others = descendantsOf(pid);
    const worker = childrenOf(pid)[0] ?? 0;
    stage.field(`/proc/${worker}/status`, "NSpid", "pid_namespaces(7): the worker, outside and in the PID namespace");
    stage.enter(running);
    const { status, milliseconds } = stage.end(running);
    stage.file(
      `/proc/${worker}/status`,
      "pid_namespaces(7): when the init of a PID namespace ends, the kernel ends all of its processes by SIGKILL",
    );
    stage.check(`all ${others.length} others are gone`, others.length >= 2 && others.every((other) => !existsSync(`/proc/${other}`)));
    stage.check("at once", milliseconds < 5000);
    stage.check("the worker's trap did not run", !running.output().includes("cleaning up") && !running.output().includes("done"));
    stage.check("the exit status is that of PID 1, 0", status === 0);
  },
  why: "A PID namespace lives as long as its PID 1. When PID 1 ends the kernel sends SIGKILL to every other process in it, waits until they are gone (zap_pid_ns_processes), and lets no new one be made. No trap, no handler and no deferred write runs.",
  fix: "PID 1 must be the last to go: let it wait for its workers (`wait` in a shell), and pass a signal on to them before it ends.",
};
