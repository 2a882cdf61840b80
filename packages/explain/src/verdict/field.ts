// A file of /proc or of a group, or one field of it, as evidence.

import type { Evidence } from "@contain-tools/chain";
import { lineValue, type Reading, tryRead } from "@contain-tools/kernel";

/** @param key how its line begins; "" for the whole file */
export function readField(path: string, key: string, rule: string): Evidence {
  return fieldOf(path, tryRead(path), key, rule);
}

function fieldOf(path: string, reading: Reading, key: string, rule: string): Evidence {
  if ("problem" in reading) return { source: path, value: undefined, problem: reading.problem, rule };
  const text = reading.text.trim();
  const value = key === "" ? text : lineValue(text, `${key} `)?.replace(/ +/g, " ");
  return { source: key === "" ? path : `${path} ${key}`, value, rule };
}

const CPU_RULE = "setrlimit(2) RLIMIT_CPU: SIGXCPU at the soft limit, SIGKILL at the hard one";

/** /proc/PID/limits, "Max cpu time": the soft and the hard limit. */
export const cpuLimitIn = (pid: number, limits: Reading) => fieldOf(`/proc/${pid}/limits`, limits, "Max cpu time", CPU_RULE);
