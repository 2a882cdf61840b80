// Reads a seccomp profile from a file in docker's JSON format. Every key is checked, so that an error is reported with its place.
import { type Context, readGiven } from "@contain-tools/chain";
import { UsageError } from "@contain-tools/kernel";
import { has, keys, list, text } from "./json.ts";
import { action, capability, comparison, errnoNumber, errnoWord, flag, machine, position, version, wholeNumber } from "./profilefields.ts";

/** The machines and capabilities that a rule is for, or not for. */
export interface Filter {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  /** `4.8` */
  readonly minKernel?: string;
}

export interface Argument {
  readonly index: number;
  /** Below 2^64. */
  readonly value: number | bigint;
  readonly valueTwo?: number | bigint;
  readonly op: string;
}

export interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly Argument[];
  readonly includes?: Filter;
  readonly excludes?: Filter;
}

/** A profile as docker and podman write it. */
export interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly Rule[];
  /** The Unix socket of the process that answers SCMP_ACT_NOTIFY, and a text for it. */
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
}

/** @throws UsageError that names the file and the key */
export function readProfileFile(context: Context, path: string): Profile {
  const where = `--seccomp ${path}`;
  const text = readGiven(context, "--seccomp", path, "it is default, none, or a file").toString();
  try {
    const value: unknown = JSON.parse(keepLargeNumbers(text));
    const ofBundle = (value as { ociVersion?: unknown; linux?: { seccomp?: unknown } | null } | null)?.ociVersion !== undefined;
    return ofBundle
      ? profile((value as { linux?: { seccomp?: unknown } }).linux?.seccomp, `${where}: linux.seccomp`)
      : profile(value, where);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${where}: not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** A JSON number of more than 53 bits would lose some. A key inside a string has a backslash before its quotes, so it does not match. */
export const keepLargeNumbers = (text: string) => text.replace(/("value(?:Two)?"\s*:\s*)(\d{16,})(?=\s*[,}])/g, '$1"#$2"');
/** Writes such numbers back as JSON. */
export const jsonWithLargeNumbers = (value: unknown) => JSON.stringify(value).replace(/("value(?:Two)?":)"#(\d{16,})"/g, "$1$2");

function profile(value: unknown, where: string): Profile {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(
      `${where}: not a profile`,
      "an object with defaultAction and syscalls, as docker's --security-opt seccomp= takes it",
    );
  const { required, optional } = keys(
    value,
    `${where}: `,
    "defaultAction defaultErrnoRet defaultErrno architectures archMap flags syscalls listenerPath listenerMetadata",
  );
  if (optional("architectures", list(text))?.length && optional("archMap", list(architecture))?.length)
    throw new UsageError(`${where}: architectures and archMap exclude each other`);
  return {
    defaultAction: required("defaultAction", action),
    ...has("defaultErrnoRet", optional("defaultErrnoRet", errnoNumber) ?? optional("defaultErrno", errnoWord)),
    ...has("architectures", optional("architectures", list(machine))),
    ...has("archMap", optional("archMap", list(architecture))),
    ...has("flags", optional("flags", list(flag))),
    ...has("syscalls", optional("syscalls", list(rule))),
    ...has("listenerPath", optional("listenerPath", text)),
    ...has("listenerMetadata", optional("listenerMetadata", text)),
  };
}

function architecture(value: unknown, where: string) {
  const { required, optional } = keys(value, `${where}.`, "architecture subArchitectures");
  return { architecture: required("architecture", machine), ...has("subArchitectures", optional("subArchitectures", list(machine))) };
}

function rule(value: unknown, where: string): Rule {
  const { required, optional } = keys(value, `${where}.`, "name names action errnoRet errno args includes excludes");
  const name = optional("name", text); // the older format
  if (name && optional("names", list(text))?.length) throw new UsageError(`${where}: name and names exclude each other`);
  return {
    names: name ? [name] : required("names", list(text)),
    action: required("action", action),
    ...has("errnoRet", optional("errnoRet", errnoNumber) ?? optional("errno", errnoWord)),
    ...has("args", optional("args", list(argument))),
    ...has("includes", optional("includes", filter)),
    ...has("excludes", optional("excludes", filter)),
  };
}

function filter(value: unknown, where: string): Filter {
  const { optional } = keys(value, `${where}.`, "caps arches minKernel");
  return {
    ...has("caps", optional("caps", list(capability))),
    ...has("arches", optional("arches", list(text))),
    ...has("minKernel", optional("minKernel", version) || undefined),
  };
}

function argument(value: unknown, where: string): Argument {
  const { required, optional } = keys(value, `${where}.`, "index value valueTwo op");
  return {
    index: required("index", position),
    value: required("value", wholeNumber),
    ...has("valueTwo", optional("valueTwo", wholeNumber)),
    op: required("op", comparison),
  };
}
