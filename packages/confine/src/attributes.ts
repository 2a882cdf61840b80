// Options for attributes besides privileges: scheduling, execution domain, memory nodes.

import type { Options } from "@contain-tools/chain";
import {
  IO_CLASSES,
  MEMORY_POLICIES,
  MEMORY_POLICY_FLAGS,
  PERSONALITIES,
  parseCount,
  quote,
  SCHEDULING_FLAGS,
  SCHEDULING_POLICIES,
  type Scheduling,
  setAffinity,
  setIoPriority,
  setMemoryPolicy,
  setPersonality,
  setScheduling,
  UsageError,
} from "@contain-tools/kernel";
import type { Name } from "./options.ts";

/** The calls to make, in order. @throws UsageError */
export function readAttributes(given: Options<Name>): (() => void)[] {
  const one = (option: Name, read: (text: string) => () => void) => {
    const text = given.value(option);
    return text === undefined ? [] : [read(text)];
  };
  return [
    ...one("personality", readPersonality),
    ...one("io-priority", readIoPriority),
    ...one("memory-policy", readMemoryPolicy),
    ...one("affinity", (text) => {
      const cpus = readNumbers("--affinity", text, 8191);
      return () => setAffinity(cpus);
    }),
    ...one("scheduler", readScheduler),
  ];
}

/** One of a table's names. @throws UsageError */
function nameIn<T extends string>(table: Readonly<Record<T, number>>, option: string, text: string): T {
  if (Object.hasOwn(table, text)) return text as T;
  throw new UsageError(`${option}: unknown name ${quote(text)}`, Object.keys(table).join(", "));
}

const bitsOf = <T extends string>(table: Readonly<Record<T, number>>, option: string, names: readonly string[]) =>
  names.reduce((bits, name) => bits | table[nameIn(table, option, name)], 0);

function readPersonality(text: string): () => void {
  const domain = nameIn(PERSONALITIES, "--personality", text.replace(/^PER_/, ""));
  return () => setPersonality(domain);
}

function readIoPriority(text: string): () => void {
  const [name = "", level = "0"] = text.split(":", 2);
  const kind = nameIn(IO_CLASSES, "--io-priority", name);
  const priority = parseCount("--io-priority", level, 0, 7);
  return () => setIoPriority(kind, priority);
}

function readMemoryPolicy(text: string): () => void {
  const [name = "", list = "", flags = ""] = text.split(":", 3);
  const mode = nameIn(MEMORY_POLICIES, "--memory-policy", name);
  const nodes = list === "" ? [] : readNumbers("--memory-policy", list, 1023);
  const bits = bitsOf(MEMORY_POLICY_FLAGS, "--memory-policy", flags.split(",").filter(Boolean));
  return () => setMemoryPolicy(mode, bits, nodes);
}

/** `0-3,5`. @throws UsageError */
function readNumbers(option: string, text: string, most: number): number[] {
  const numbers = text.split(",").flatMap((part) => {
    const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (from === "" || Number(to) < Number(from) || Number(to) > most)
      throw new UsageError(`${option} ${quote(text)} is not a list of numbers up to ${most}`, "0-3,5");
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
  return [...new Set(numbers)];
}

const FORM = "SCHED_BATCH:nice=5, SCHED_FIFO:priority=10, SCHED_DEADLINE:runtime=10000000,deadline=30000000,period=30000000";

function readScheduler(text: string): () => void {
  const [name = "", rest = ""] = text.split(/:(.*)/s, 2);
  const policy = nameIn(SCHEDULING_POLICIES, "--scheduler", name);
  const fields = new Map<string, string>();
  for (const field of rest.split(",").filter(Boolean)) {
    const [, key = "", value = ""] = /^(nice|priority|runtime|deadline|period|flags)=(.+)$/.exec(field) ?? [];
    if (key === "" || fields.has(key)) throw new UsageError(`--scheduler ${quote(text)}: unexpected ${quote(field)}`, FORM);
    fields.set(key, value);
  }
  const nanoseconds = (key: string) => {
    const word = fields.get(key) ?? "0";
    if (!/^\d{1,19}$/.test(word)) throw new UsageError(`--scheduler ${quote(text)}: ${key} is not a number of nanoseconds`, FORM);
    return BigInt(word);
  };
  const wanted: Scheduling = {
    policy,
    flags: bitsOf(SCHEDULING_FLAGS, "--scheduler", (fields.get("flags") ?? "").split("+").filter(Boolean)),
    nice: parseCount("--scheduler nice", fields.get("nice") ?? "0", -20, 19),
    priority: parseCount("--scheduler priority", fields.get("priority") ?? "0", 0, 99),
    runtime: nanoseconds("runtime"),
    deadline: nanoseconds("deadline"),
    period: nanoseconds("period"),
  };
  return () => setScheduling(wanted);
}
