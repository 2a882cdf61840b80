// --trace-denied: a process besides PROG that is told of each call that the filter refuses. There are three processes: this one, which
// becomes PROG; the watcher, which has only a socket of ours; and a helper that shares our descriptors. It sees the listener that
// seccomp(2) makes here and sends it to the watcher: after that call this process may not be able to.
import { type Context, fork, warn } from "@contain-tools/chain";
import {
  type Areas,
  chdir,
  close,
  closeAllBut,
  commandOf,
  dup2,
  duplicate,
  errnoName,
  exit,
  getpid,
  getppid,
  hideSecrets,
  installListeningFilter,
  isOpen,
  POLLHUP,
  POLLIN,
  PollSet,
  pidfdOpen,
  pollOnce,
  printable,
  reap,
  receiveDescriptor,
  receiveRefusal,
  refuse,
  sendDescriptor,
  setName,
  setTracer,
  socketpair,
  syscallName,
  waitpid,
} from "@contain-tools/kernel";
import { GATED } from "./default.ts";

/** What a watcher must learn while planning. */
export interface Traced {
  /** Of a refusal. */
  readonly errno: number;
  readonly areas: Areas | undefined;
  /** Descriptors that a resident process must keep. */
  readonly runtimeEvents: readonly number[];
}

const CLONE_FILES = 0x400;
const MAX_LINES = 200; // lines: a refused program may try for ever

/** Installs the filter; refused calls fail with `errno`, and are reported on standard error. */
export function installTraced(context: Context, program: Buffer, flags: number, traced: Traced): void {
  const [ours, theirs] = socketpair();
  const first = fork(context, { flags: 0 }, () => {
    fork(context, { flags: 0 }, () => {
      close(ours);
      return watchRefusals(theirs, traced);
    });
    return exit(0); // the watcher must not be a child of PROG, which may wait for all its children
  });
  waitpid(first, 0);
  installListening(context, program, flags, (listener) => sendDescriptor(ours, listener));
}

/**
 * Installs a filter with a listener (SECCOMP_RET_USER_NOTIF). A helper sends the listener away: it shares our descriptors, and is not under
 * the filter.
 *
 * @returns false if that failed
 */
export function installListening(context: Context, program: Buffer, flags: number, send: (listener: number) => void): boolean {
  const self = getpid();
  const pidfd = pidfdOpen(self); // any descriptor
  const listener = duplicate(pidfd, 0); // the listener's future number: the lowest free one
  close(listener);
  const helper = fork(context, { flags: CLONE_FILES }, () => {
    // Nothing here may open a file: it would get that number.
    while (!isOpen(listener)) {
      if (getppid() !== self) return exit(1);
      pollOnce(-1, 0, 1);
    }
    send(listener);
    return exit(0);
  });
  const made = installListeningFilter(program, flags);
  if (made !== listener) throw new Error(`the listener is descriptor ${made}, not ${listener}`);
  return reap(helper) === 0; // if this filter refuses even that, init will reap it
}

function watchRefusals(socket: number, { errno, areas, runtimeEvents }: Traced): never {
  hideSecrets(areas, "confine-watcher");
  setName("confine-watcher");
  const listener = receiveDescriptor(socket);
  if (listener === undefined) return exit(125);
  setTracer({ fd: 2 }); // PROG's, the log of a detached container: the caller must not be held up
  dup2(listener, 0); // so that a reader of PROG's output sees its end when PROG closes it
  dup2(listener, 1);
  chdir("/"); // and release the caller's directory
  closeAllBut([listener, ...runtimeEvents]);
  const set = new PollSet();
  const told = new Set<string>();
  for (;;) {
    set.clear();
    set.add(listener, POLLIN);
    if (!set.wait(-1)) continue;
    if (set.came(0) & POLLHUP) return exit(0); // nobody is left under the filter (since Linux 5.9)
    const refusal = receiveRefusal(listener);
    if (refusal === undefined) continue;
    const name = syscallName(refusal.arch, refusal.number);
    const text = `${name} was refused to ${printable(commandOf(refusal.pid))}`;
    if (!told.has(text) && told.size < MAX_LINES) {
      told.add(text);
      warn(`${text} (PID ${refusal.pid}): ${errnoName(errno)} by the seccomp filter. ${fix(name)}`);
    }
    refuse(listener, refusal, errno);
  }
}

/** What would allow a call. */
function fix(name: string): string {
  const gates = Object.entries(GATED).flatMap(([capability, names]) => (names.split(" ").includes(name) ? [capability] : []));
  if (gates.length === 0) return "A profile of your own allows it: --seccomp FILE.json";
  const words = gates.map((gate) => gate.slice(4).toLowerCase());
  return `It comes with ${gates.join(" or ")}: confine --keep default,${words[0]}, contain run --cap-add ${words[0]}`;
}
