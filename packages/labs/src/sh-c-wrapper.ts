import { childrenOf, SIGTERM } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { catches, lacks } from "./processes.ts";

const SERVER = 'trap "echo the server was told; exit 0" TERM; sleep 60 & wait';
const run = (script: string) => ["contain", "run", "-q", "--grace", "1s", "--env", `SERVER=${SERVER}`, "--", "sh", "-c", script];

export const shCWrapper: Lab = {
  name: "sh-c-wrapper",
  title: "A shell before the server keeps the signal to itself",
  story:
    'The server has a handler for SIGTERM, which works when it is tried by hand. In the container, where it is started as `sh -c "…"` (a CMD of one string, or a start script), it never gets the signal, and dies by SIGKILL.',
  needs: [],
  commands: () => [run('sh -c "$SERVER"; echo "the server ended"'), run('exec sh -c "$SERVER"')],
  question:
    "Each one gets a SIGTERM, as `docker stop` sends it. The server says `the server was told` when the signal reaches it. Which server gets it?",
  answers: ["both servers", "the second one, which replaced its shell", "none"],
  right: 1,
  play(stage) {
    const wrapped = stage.start(0);
    const shell = stage.container(wrapped).pid;
    let server = 0;
    stage.until("the server has its handler", () => {
      server = childrenOf(shell)[0] ?? 0;
      return server !== 0 && catches(server, SIGTERM);
    });
    stage.note("PID 1", `${shell}, the shell; its child ${server} is the server`, "proc_pid_task(5): /proc/PID/task/PID/children");
    const mask = stage.field(
      `/proc/${shell}/status`,
      "SigCgt",
      "pid_namespaces(7): the shell's handlers; without one for SIGTERM (bit 14: 4000) it is discarded, for this is PID 1",
    );
    stage.field(`/proc/${server}/status`, "SigCgt", "kill(2): the server's handlers; a signal is for one process, not for its children");
    stage.signal(wrapped, SIGTERM);
    const killed = stage.end(wrapped);
    stage.check("the shell, PID 1, has no handler for SIGTERM", lacks(mask, SIGTERM));
    stage.check("its server did not get it", !wrapped.output().includes("was told"));
    stage.check("SIGKILL ended all: exit status 137", killed.status === 137 && killed.milliseconds >= 1000);
    const replaced = stage.start(1);
    const { pid } = stage.container(replaced);
    stage.until("the server has its handler", () => catches(pid, SIGTERM));
    stage.field(`/proc/${pid}/status`, "SigCgt", "execve(2): PID 1 is now the server itself, with its handlers");
    stage.signal(replaced, SIGTERM);
    const ended = stage.end(replaced);
    stage.check(
      "the server behind exec got it and ended by itself: exit status 0",
      replaced.output().includes("was told") && ended.status === 0,
    );
  },
  why: "A signal goes to one process, PID 1. A shell that waits for a command does not pass signals on, and as PID 1 without a handler it does not even die of them (pid_namespaces(7)). With `exec` the server takes the shell's place and PID, and gets the signal itself.",
  fix: 'Start the server with `exec` at the end of the script, or without a shell (CMD ["server", "word"]). An init alone does not help: it signals the shell, which dies without signalling the server. An init that signals the whole process group does (`pid1 --group`).',
};
