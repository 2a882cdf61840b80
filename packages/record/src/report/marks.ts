// Events of a record, in words.
import { formatBytes } from "@contain-tools/explain";
import { isFields, type Line, numberAt, textAt } from "./read.ts";
import type { Mark } from "./types.ts";

/** @param origin milliseconds since the epoch of the first line */
export function marksOf(events: readonly Line[], origin: number): Mark[] {
  return events.flatMap((line): Mark[] => {
    const mark = describe(line);
    return mark === undefined ? [] : [{ at: (line.t - origin) / 1000, ...mark }];
  });
}

function describe(line: Line): Omit<Mark, "at"> | undefined {
  if (line.event === "state") return { kind: "state", text: describeState(line) };
  if (line.event === "signal") return { kind: "signal", text: describeSignal(line) };
  if (line.event === "kill") return { kind: "kill", text: `SIGKILL by the supervisor: ${textAt(line, "why") ?? "?"}` };
  if (line.event === "oom") return { kind: "oom", text: describeOom(line) };
  if (line.event === "lost") return { kind: "lost", text: `${numberAt(line, "lines") ?? "?"} lines before this could not be written` };
  return undefined;
}

function describeState(line: Line): string {
  const reason = textAt(line, "reason");
  return `${textAt(line, "state") ?? "?"}${reason === undefined ? "" : `: ${reason}`}`;
}

function describeSignal(line: Line): string {
  const { from } = line;
  const sender = isFields(from)
    ? `${textAt(from, "comm") ?? "an ended process"} (PID ${numberAt(from, "pid") ?? "?"})`
    : textAt(line, "from");
  const signal = textAt(line, "signal") ?? "?";
  if (isFields(from) && line["to"] !== undefined) {
    const to = textAt(line, "to") ?? `PID ${numberAt(line, "to") ?? "?"}, which contain exec started`;
    const parent = textAt(from, "parent");
    return `${signal} from ${sender}${parent === undefined ? "" : `, run by ${parent}`}, to ${to}`;
  }
  const forwarded = textAt(line, "forwarded");
  const what = forwarded === undefined ? "not passed on" : forwarded === signal ? "passed on" : `passed on as ${forwarded}`;
  return `${signal} from ${sender ?? "?"}, ${what}`;
}

function describeOom(line: Line): string {
  const [limit = 0, kills = 0, groups = 0] = [numberAt(line, "oom"), numberAt(line, "oom_kill"), numberAt(line, "oom_group_kill")];
  const [current, peak] = [numberAt(line, "memory.current"), numberAt(line, "memory.peak")];
  const parts = [
    ...(limit > 0 ? [`the limit of this group was hit and nothing could be reclaimed (oom ${limit})`] : []),
    ...(kills > 0 ? [`the OOM killer took a process (oom_kill ${kills})`] : []),
    ...(groups > 0 ? ["and with it the whole group (oom_group_kill)"] : []),
    ...(peak === undefined ? [] : [`memory.peak ${formatBytes(peak)}`]),
    ...(current === undefined ? [] : [`memory.current ${formatBytes(current)} just afterwards`]),
  ];
  return parts.join("; ");
}
