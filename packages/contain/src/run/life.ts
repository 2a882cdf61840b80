// Options about the supervisor's work: a container's name, output and end.
import type { Options } from "@contain-tools/chain";
import { close, open, parseSignal, parseTime, read, resolve, SIGTERM, UsageError } from "@contain-tools/kernel";
import { checkCidfile } from "./cidfile.ts";
import { readHealthPlan } from "./healthoptions.ts";
import { readLogSize } from "./log/output.ts";
import { checkName, readLabels } from "./names.ts";
import type { RunOption } from "./options.ts";
import type { Again, RunPlan } from "./plan.ts";
import { readRestart } from "./restart.ts";

const GRACE = 10_000; // milliseconds

type Life =
  | "id"
  | "name"
  | "labels"
  | "cidfile"
  | "stopSignal"
  | "grace"
  | "json"
  | "record"
  | "detach"
  | "remove"
  | "logSize"
  | "quiet"
  | "health"
  | "restart"
  | "again";

/** @throws UsageError */
export function readLife(given: Options<RunOption>, again?: Again): Pick<RunPlan, Life> {
  const stopSignal = given.value("stop-signal");
  const grace = given.value("grace");
  return {
    id: again?.before.id ?? makeId(),
    name: given.value("name") === undefined ? again?.before.name : checkName("--name", given.value("name") ?? ""),
    labels: readLabels(given.all("label")),
    cidfile: checkCidfile(given.value("cidfile")),
    stopSignal: stopSignal === undefined ? SIGTERM : parseSignal(stopSignal),
    grace: grace === undefined ? GRACE : parseTime("--grace", grace),
    json: outputFile(given, "json"),
    record: outputFile(given, "record"),
    detach: given.has("detach"),
    remove: given.has("rm"),
    logSize: readLogSize(given.value("log-size"), given.has("detach")),
    quiet: given.has("quiet"),
    health: readHealthPlan(given),
    restart: given.has("restart") ? readRestart(given) : undefined,
    again,
  };
}

/** `-` for standard output, which nobody reads after --detach. */
function outputFile(given: Options<RunOption>, option: "json" | "record"): string | undefined {
  const file = given.value(option);
  if (file === "-" && given.has("detach")) throw new UsageError(`--${option} - does not go with --detach`, "name a file");
  return file === undefined || file === "-" ? file : resolve(file);
}

/** Twelve hexadecimal digits, as docker's short ids. */
function makeId(): string {
  const bytes = Buffer.alloc(6);
  const fd = open("/dev/urandom");
  read(fd, bytes);
  close(fd);
  return bytes.toString("hex");
}
