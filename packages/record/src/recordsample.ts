// What a flight recorder reads four times a second: files of the group, kept open, each read with one pread(2).
import { availableControllers, close, codeOf, controllerOnV1, join, open, pread } from "@contain-tools/kernel";

/** The format of a file (cgroup-v2.rst): one number, with `max` as null; some keys of a flat keyed file; PSI totals; a count of lines. */
type Form = "number" | "text" | "pressure" | "lines" | readonly string[];

interface GroupFile {
  readonly name: string;
  readonly form: Form;
  readonly controller?: string;
  /** Not reported as missing if this other file exists. */
  readonly insteadOf?: string;
  /** Not every kernel has it; never reported as missing. */
  readonly optional?: true;
}

const FILES: readonly GroupFile[] = [
  { name: "memory.current", form: "number", controller: "memory" },
  { name: "memory.max", form: "number", controller: "memory" },
  { name: "memory.swap.current", form: "number", controller: "memory", optional: true },
  { name: "memory.stat", form: ["anon", "file", "kernel", "sock", "shmem"], controller: "memory" },
  { name: "memory.events", form: ["high", "max", "oom", "oom_kill"], controller: "memory" },
  { name: "cpu.stat", form: ["usage_usec", "nr_periods", "nr_throttled", "throttled_usec"] },
  { name: "cpu.max", form: "text", controller: "cpu" },
  { name: "pids.current", form: "number", controller: "pids" },
  { name: "cgroup.threads", form: "lines", insteadOf: "pids.current" },
  { name: "pids.max", form: "number", controller: "pids" },
  { name: "pids.events", form: ["max"], controller: "pids" },
  { name: "memory.pressure", form: "pressure" },
  { name: "cpu.pressure", form: "pressure" },
  { name: "io.pressure", form: "pressure" },
];

export interface Missing {
  readonly what: string;
  readonly why: string;
}

export interface Sampler {
  readonly missing: readonly Missing[];
  /** The files as they are now, by name. */
  readonly take: () => Record<string, unknown>;
  readonly close: () => void;
}

export function openSampler(group: string): Sampler {
  const missing: Missing[] = [];
  const files: { readonly file: GroupFile; readonly fd: number }[] = [];
  for (const file of FILES) {
    if (file.insteadOf !== undefined && files.some((one) => one.file.name === file.insteadOf)) continue;
    try {
      const fd = open(join(group, file.name));
      readFrom(fd, file.form); // PSI that is built in but switched off fails only here, with EOPNOTSUPP
      files.push({ file, fd });
    } catch (error) {
      if (file.optional === undefined) tellMissing(missing, file.name, whyMissing(group, file, codeOf(error)));
    }
  }
  return {
    missing,
    take: () => Object.fromEntries(files.flatMap(({ file, fd }) => entry(file, fd))),
    close: () => files.splice(0).forEach(({ fd }) => void close(fd)),
  };
}

/** Files that are missing for the same reason are reported together. */
function tellMissing(missing: Missing[], name: string, why: string): void {
  const same = missing.findIndex((other) => other.why === why);
  if (same === -1) missing.push({ what: name, why });
  else missing[same] = { what: `${missing[same]?.what}, ${name}`, why };
}

function entry({ name, form }: GroupFile, fd: number): [string, unknown][] {
  try {
    return [[name, readFrom(fd, form)]];
  } catch {
    return []; // ENODEV: the group is gone
  }
}

const chunk = Buffer.allocUnsafeSlow(65536);

/** @throws the errors of read(2) */
export function readAgain(fd: number): string {
  return chunk.toString("latin1", 0, pread(fd, chunk, 0));
}

function readFrom(fd: number, form: Form): unknown {
  const text = readAgain(fd);
  if (form === "text") return text.trim();
  if (form === "number") return text.startsWith("max") ? null : Number(text);
  if (form === "lines") return text.split("\n").length - 1;
  if (form === "pressure")
    return Object.fromEntries([...text.matchAll(/^(some|full) .*total=(\d+)/gm)].map(([, kind, total]) => [kind, Number(total)]));
  return fieldsOf(text, form);
}

/** Some keys of a flat keyed file, by one walk over its lines. */
export function fieldsOf(text: string, keys: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const key = line.slice(0, space);
    if (keys.includes(key)) found[key] = Number(line.slice(space + 1));
  }
  return found;
}

function whyMissing(group: string, { name, controller, form }: GroupFile, code: string | undefined): string {
  if (code !== "ENOENT") return `${join(group, name)}: ${code}${form === "pressure" ? ": PSI is switched off; boot with psi=1" : ""}`;
  if (form === "pressure") return "this kernel has no PSI (Documentation/accounting/psi.rst)";
  if (controller === undefined) return "this kernel has no such file";
  const v1 = controllerOnV1(controller);
  if (v1 !== undefined) return `the ${controller} controller is on cgroup v1, at ${v1.mountPoint}`;
  if (availableControllers(group).includes(controller)) return "this kernel has no such file";
  return `the ${controller} controller is not enabled for this group: any limit enables it, also max`;
}
