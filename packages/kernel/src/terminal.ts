// The controlling terminal: who is in its foreground process group.
import { declare, errno } from "./libc.ts";
import { sys, trace, tracer } from "./trace.ts";

const tcgetpgrpC = declare("tcgetpgrp", "int", ["int"]);
const tcsetpgrpC = declare("tcsetpgrp", "int", ["int", "int"]);
const setpgidC = declare("setpgid", "int", ["int", "int"]);
const getpgrpC = declare("getpgrp", "int", []);

/** setpgid(2). */
export function setpgid(pid: number, pgid: number): void {
  sys(
    "setpgid",
    () => [`${pid}`, `${pgid}`],
    () => setpgidC(pid, pgid),
  );
}

/** getpgrp(2): 0 when the group's leader is in another PID namespace. */
export function getpgrp(): number {
  return getpgrpC();
}

/** The foreground process group of a terminal; undefined when it is not our controlling terminal (ENOTTY). */
export function foregroundGroup(fd: number): number | undefined {
  const group = tcgetpgrpC(fd);
  return group === -1 ? undefined : group;
}

/**
 * tcsetpgrp(3): makes a process group the foreground one. SIGTTOU must be blocked or ignored, else a background caller is stopped.
 * ENOTTY, ENXIO, EBADF and EPERM are everyday answers (no terminal, a session that ended): false.
 */
export function setForegroundGroup(fd: number, group: number): boolean {
  const result = tcsetpgrpC(fd, group);
  const code = result === -1 ? errno() : 0;
  if (tracer.mode !== "off") trace("tcsetpgrp", [`${fd}`, `${group}`], result, code);
  return result === 0;
}

/** That of descriptors 0, 2 and 1 which is the controlling terminal. /dev/tty may be a file of the container's, so it is not asked. */
export function controllingTerminal(): number | undefined {
  return [0, 2, 1].find((fd) => foregroundGroup(fd) !== undefined);
}

/** True when this process is in the terminal's foreground, where keys go; a job that was started with `&` is not. */
export function inForeground(): boolean {
  const fd = controllingTerminal();
  return fd !== undefined && foregroundGroup(fd) === getpgrp();
}
