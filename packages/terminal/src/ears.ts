// Keys that a terminal turns into signals go to its foreground process group, which is the container's. A process of ours in that group
// hears them too: what PID 1 of a PID namespace does not take leaves no trace anywhere else.
import {
  ALL_SIGNALS,
  clone3,
  close,
  closeAllBut,
  dieWithParent,
  exit,
  getpid,
  kill,
  POLLIN,
  pidfdOpen,
  pipe,
  read,
  reap,
  SI_KERNEL,
  SIGINT,
  SIGKILL,
  SIGQUIT,
  SIGTSTP,
  type Source,
  setName,
  setpgid,
  waitForSignal,
  write,
} from "@contain-tools/kernel";

export interface Ears {
  readonly source: Source;
  readonly end: () => void;
}

/**
 * Hears Ctrl-C, Ctrl-\ and Ctrl-Z of a process group of our session. All signals must be blocked.
 *
 * @param heard gets SIGINT, SIGQUIT or SIGTSTP
 */
export function listenIn(group: number, heard: (signal: number) => void): Ears {
  const ends = pipe();
  const self = pidfdOpen(getpid());
  const pid = clone3({ flags: 0 }, () => {
    dieWithParent(SIGKILL, self);
    try {
      setpgid(0, group);
    } catch {
      exit(0); // it has ended, or made a session of its own
    }
    setName("contain: keys");
    closeAllBut([ends.write]);
    for (const fd of [0, 1, 2]) close(fd);
    for (;;) {
      const info = waitForSignal(ALL_SIGNALS);
      const isKey = info?.code === SI_KERNEL && [SIGINT, SIGQUIT, SIGTSTP].includes(info.signal);
      if (info !== undefined && isKey) write(ends.write, Uint8Array.of(info.signal));
    }
  });
  close(ends.write);
  close(self);
  const byte = new Uint8Array(1);
  let open = true;
  return {
    source: {
      fd: ends.read,
      wants: () => (open ? POLLIN : undefined),
      ready: () => {
        open = read(ends.read, byte) === 1;
        if (open) heard(byte[0] ?? 0);
      },
    },
    end: () => {
      kill(pid, SIGKILL);
      reap(pid);
      close(ends.read);
    },
  };
}
