// The end of a container's first process.
import { codeOf } from "./failure.ts";
import { pause } from "./group.ts";
import { type Container, isAlive } from "./state.ts";

/** With its PID namespace everything in it ends. */
export function endFirst(container: Container): void {
  const { init } = container;
  if (init === undefined || !isAlive(container)) return;
  try {
    process.kill(init.pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error; // it has just ended by itself
  }
  for (const deadline = Date.now() + 10_000; isAlive(container) && Date.now() < deadline; ) pause(2);
}
