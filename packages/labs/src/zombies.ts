import { childrenOf } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { statusOf } from "./processes.ts";
import type { Stage } from "./stage.ts";

const PARENT = ["sh", "-c", "sleep 0.2 & exec sleep 60"];

/** The first zombie among the children of a process, once there is one. */
function zombieOf(stage: Stage, parent: () => number): number {
  let zombie: number | undefined;
  stage.until("a child is a zombie", () => {
    zombie = childrenOf(parent()).find((pid) => statusOf(pid, "State")?.startsWith("Z"));
    return zombie !== undefined;
  });
  return zombie ?? 0;
}

export const zombies: Lab = {
  name: "zombies",
  title: "Zombies with a living parent: no init can reap them",
  story:
    "`ps` shows more and more <defunct> processes, one for each job that a service started. An init is recommended, but with it they are still there, until fork fails without free PIDs.",
  needs: [],
  commands: () => [
    ["contain", "run", "-q", "--", ...PARENT],
    ["contain", "run", "-q", "--init", "--", ...PARENT],
  ],
  question:
    "A program starts a child, which ends after 0.2 s, and never waits for it (the shell becomes a sleep, which does not know that it has a child). Where does the zombie stay?",
  answers: ["only without --init", "with --init too", "nowhere: the kernel removes it"],
  right: 1,
  play(stage) {
    const bare = stage.start(0);
    const { pid } = stage.container(bare);
    const first = zombieOf(stage, () => pid);
    stage.field(`/proc/${first}/status`, "State", "proc_pid_status(5): Z is a process that has ended and was not waited for");
    stage.field(`/proc/${first}/status`, "PPid", "wait(2): only the parent can");
    stage.check("without an init: a zombie, and its parent is PID 1", statusOf(first, "PPid") === `${pid}`);
    stage.stop(bare);
    const withInit = stage.start(1);
    const init = stage.container(withInit).pid;
    const second = zombieOf(stage, () => childrenOf(init)[0] ?? 0);
    stage.pause(500);
    const parent = statusOf(second, "PPid") ?? "";
    stage.field(`/proc/${second}/status`, "State", "proc_pid_status(5): still Z, half a second later");
    stage.field(`/proc/${second}/status`, "PPid", `wait(2): its parent is not the init (${init}), and lives`);
    stage.field(`/proc/${parent}/status`, "Name", "proc_pid_status(5): the parent that does not wait");
    stage.check("with an init: the zombie is there too", statusOf(second, "State")?.startsWith("Z") === true);
    stage.check("its parent is the program, not the init", parent !== `${init}` && parent === `${childrenOf(init)[0]}`);
    stage.stop(withInit);
  },
  why: "A process that has ended keeps its PID and its exit status until its parent waits for it (wait(2)). An init becomes the parent of orphans only. While the parent lives and does not wait, nobody else can.",
  fix: "Let the parent wait (a SIGCHLD handler, waitpid), or ignore SIGCHLD there, which tells the kernel to keep no zombies (sigaction(2), SA_NOCLDWAIT). Ending the parent makes them orphans, which an init reaps.",
};
