import { childrenOf } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { statusOf, wordsOf } from "./processes.ts";
import type { Stage } from "./stage.ts";

const PROGRAM = ["sh", "-c", "(sleep 1 &); exec sleep 60"];

/** The orphan, once PID 1 is its parent. */
function orphanOf(stage: Stage, init: number): number {
  let orphan: number | undefined;
  stage.until("PID 1 is the parent of the orphan", () => {
    orphan = childrenOf(init).find((pid) => wordsOf(pid).join(" ") === "sleep 1");
    return orphan !== undefined;
  });
  return orphan ?? 0;
}

export const orphans: Lab = {
  name: "orphans",
  title: "Orphans become children of PID 1, which must reap them",
  story:
    "Zombies pile up. Their parent is PID 1, the service itself, which never started them: a script or a health check left them running.",
  needs: [],
  commands: () => [
    ["contain", "run", "-q", "--", ...PROGRAM],
    ["contain", "run", "-q", "--init", "--", ...PROGRAM],
  ],
  question: "A subshell starts `sleep 1` in the background and ends: `sleep 1` is an orphan. Where is it a second later?",
  answers: ["it is gone in both", "a zombie in both", "a zombie of PID 1 without --init, gone with it"],
  right: 2,
  play(stage) {
    const bare = stage.start(0);
    const { pid } = stage.container(bare);
    const first = orphanOf(stage, pid);
    stage.field(`/proc/${first}/status`, "PPid", "pid_namespaces(7): orphans become children of the init of their PID namespace");
    stage.until("the orphan has ended", () => !statusOf(first, "State")?.match(/^[SRD]/));
    stage.pause(300);
    stage.field(`/proc/${first}/status`, "State", "proc_pid_status(5): Z: it has ended, and its new parent does not wait for it");
    stage.check(
      "without an init: a zombie of PID 1",
      statusOf(first, "State")?.startsWith("Z") === true && statusOf(first, "PPid") === `${pid}`,
    );
    stage.stop(bare);
    const withInit = stage.start(1);
    const init = stage.container(withInit).pid;
    const second = orphanOf(stage, init);
    stage.field(`/proc/${second}/status`, "PPid", `pid_namespaces(7): the parent is now pid1 (${init})`);
    stage.until("the orphan has ended", () => !statusOf(second, "State")?.match(/^[SRD]/));
    stage.pause(300);
    stage.file(`/proc/${second}/status`, "wait(2): a process that was waited for is gone, with its PID");
    stage.check("with an init: it was reaped", statusOf(second, "State") === undefined);
    stage.stop(withInit);
  },
  why: "When a parent ends, its children become children of PID 1 of their PID namespace (or of a subreaper, prctl(2)). PID 1 must wait for children that it never started. A usual program does not; an init does nothing else.",
  fix: "Run the program under an init: `contain run --init`, `docker run --init`, `shareProcessNamespace` in kubernetes.",
};
