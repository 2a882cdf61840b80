// inotify(7): instances run out with EMFILE, as descriptors do, and watches with ENOSPC, as disks do.
import type { Evidence, Finding } from "@contain-tools/chain";
import { inotifyLimits, inotifyOf, refusesInotify } from "../../inotify.ts";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { callerOf, limitOf } from "./caller.ts";
import type { Said } from "./said.ts";

/** `tail: inotify cannot be used: …`, `…, watch '/x'` of Node, `add watch (/x) failed: …`; not a file with such a name. */
const ABOUT =
  /inotify|, watch$|\b(?:add|adding|create|creating|allocate|allocating|directory|file|failed to|cannot|can't|unable to|could not) watch/i;

export function isAboutInotify({ errno, line }: Said): boolean {
  const words = line.replace(/(?<!\w)["'\u2018][^"'\u2018\u2019]*["'\u2019]|\S*(?:\/|\.\w)\S*/g, "").trimEnd();
  return (errno === "ENOSPC" || errno === "EMFILE") && ABOUT.test(words);
}

export function judgeInotify(c: Case, { line, errno }: Said, said: Evidence): Finding {
  const kind = errno === "EMFILE" ? "instances" : "watches";
  const caller = callerOf(c);
  // A new user namespace counts for the user who made it.
  const uid = caller?.userns ? process.geteuid?.() : caller?.uid;
  const refuses = uid === undefined ? undefined : refusesInotify(uid, kind);
  const held = uid === undefined ? undefined : inotifyOf(uid, kind);
  const limits = inotifyLimits(kind);
  const evidence = [said, ...limits, ...[refuses, held?.evidence].flatMap((one) => one ?? [])];
  const wrote = `it wrote ${JSON.stringify(line)} (${errno})`;
  const limit = `fs.inotify.max_user_${kind}, ${limits[0]?.value ?? "?"}`;
  const others = held === undefined ? "" : `; without the container it has ${held.used} now`;
  const fix = `sysctl -w fs.inotify.max_user_${kind}=N on the host, or fewer in the programs of this user`;
  if (refuses !== undefined && refuses.value !== "0") {
    const text = `${wrote}: ${limit}, which all containers of one user share, is reached: the user ${uid} gets no more now, either${others}`;
    return hint("inotify-limit", text, evidence, fix);
  }
  if (errno === "ENOSPC") {
    const text = `${wrote}: ${limit}, which all containers of one user share, was reached${others}. Who had them: cannot tell; \`contain explain PID\` counts them while it runs`;
    return hint("inotify-limit", text, evidence, fix);
  }
  const files = limitOf(c, "Max open files", "inotify_init(2) EMFILE, getrlimit(2) RLIMIT_NOFILE");
  const text = `${wrote}: ${limit}, which all containers of one user share${others}, or RLIMIT_NOFILE of the process, ${files.value ?? "?"}. Which: cannot tell; \`contain explain PID\` counts both while it runs`;
  return hint("inotify-cannot-tell", text, [...evidence, files.evidence]);
}
