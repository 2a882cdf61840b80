// Reads config.json against the table of fields: each value must have its type, refused fields are refused by name, and fields that the
// specification does not know are reported.
import { readFileSync } from "node:fs";
import { keepLargeNumbers } from "@contain-tools/confine";
import { statIfThere } from "@contain-tools/kernel";
import { messageOf, OciError } from "../failure.ts";
import { FIELDS, type Field, type FieldType, leadsOn } from "./fields.ts";
import { HOOK_KINDS, type Hook, type Process, type Resources, type Spec } from "./spec.ts";

export interface Checked<T> {
  readonly value: T;
  /** Fields that the specification does not know, and says must be ignored. */
  readonly unknown: readonly string[];
}

const LARGEST = 64 << 20; // bytes

/** A bundle's config.json. @throws OciError that names the field */
export function readSpec(bundle: string): Checked<Spec> {
  const file = `${bundle}/config.json`;
  const stat = statIfThere(file);
  if (stat?.isFile() === false) throw new OciError(`${file} is not a regular file`); // a FIFO would block
  if (stat !== undefined && stat.size > LARGEST) throw new OciError(`${file} is too large for a configuration: ${stat.size} bytes`);
  const { value, unknown } = checkFields<Spec>(parse(file), "", file);
  const need = (there: unknown, name: string) => {
    if (there === undefined || there === null) throw new OciError(`${file}: ${name} is missing`);
  };
  need(value.ociVersion, "ociVersion");
  if (!/^1\./.test(value.ociVersion)) throw new OciError(`${file}: ociVersion ${value.ociVersion}: only 1.x is known`);
  need(value.root?.path, "root.path");
  need(value.process, "process");
  checkProcess(value.process, file);
  checkEntries(value.mounts, ["destination"], `${file}: mounts`);
  checkEntries(value.linux?.devices, ["type", "path"], `${file}: linux.devices`);
  checkEntries(value.linux?.namespaces, ["type"], `${file}: linux.namespaces`);
  for (const kind of HOOK_KINDS) for (const hook of value.hooks?.[kind] ?? []) checkHook(hook, `${file}: hooks.${kind}`);
  return { value, unknown };
}

function checkHook({ path, timeout }: Partial<Hook>, where: string): void {
  if (!path?.startsWith("/")) throw new OciError(`${where}: path ${path}: must be an absolute path`);
  if (timeout === 0) throw new OciError(`${where}: timeout 0: must be 1 second or more`);
}

/** The FILE of `exec --process`. @throws OciError */
export function readProcess(file: string): Checked<Process> {
  const checked = checkFields<Process>(parse(file), "process", file);
  checkProcess(checked.value, file);
  return checked;
}

/** linux.resources alone, as `update --resources` gives them. @throws OciError */
export const checkResources = (text: string, file: string): Checked<Resources> =>
  checkFields<Resources>(parseText(text, file), "linux.resources", file);

function checkProcess({ args, cwd, env = [], rlimits }: Process, file: string): void {
  checkEntries(rlimits, ["type", "soft", "hard"], `${file}: process.rlimits`);
  if (args === undefined || args === null || args.length === 0) throw new OciError(`${file}: missing program: process.args`);
  if (typeof cwd !== "string" || !cwd.startsWith("/")) throw new OciError(`${file}: process.cwd ${cwd}: must be an absolute path`);
  for (const variable of env) {
    if (!/^[^=]+=/s.test(variable)) throw new OciError(`${file}: process.env: ${JSON.stringify(variable)} is not NAME=VALUE`);
  }
}

/** What each entry of a list means. */
function checkEntries(list: readonly object[] | undefined, names: readonly string[], place: string): void {
  for (const entry of list ?? [])
    for (const name of names)
      if ((entry as Readonly<Record<string, unknown>>)[name] === undefined) throw new OciError(`${place}[].${name} is missing`);
}

function parse(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new OciError(`${file} cannot be read: ${messageOf(error)}`);
  }
  return parseText(text, file);
}

function parseText(text: string, file: string): unknown {
  try {
    return JSON.parse(keepLargeNumbers(text));
  } catch (error) {
    throw new OciError(`${file} is not JSON: ${messageOf(error)}`);
  }
}

/** Walks a value at the place `prefix` of the configuration. Null, which Go writes for a missing list, is left out. */
export function checkFields<T>(value: unknown, prefix: string, file: string): Checked<T> {
  const unknown: string[] = [];
  const fail = (path: string, text: string): never => {
    throw new OciError(`${file}: ${path || "the whole"}${text}`);
  };
  const walk = (inner: unknown, path: string): unknown => {
    const field = FIELDS.get(path);
    if (field !== undefined) return leaf(field, inner, path, fail);
    if (inner === null) return path.endsWith("[]") ? fail(path, ": must not be null") : undefined;
    if (Array.isArray(inner)) {
      if (!leadsOn(`${path}[]`)) return leadsOn(path) ? fail(path, ": it is a map") : void unknown.push(path);
      return inner.map((item) => walk(item, `${path}[]`));
    }
    if (typeof inner === "object") {
      const isMap = leadsOn(`${path}{}`);
      if (!isMap && path !== "" && !leadsOn(`${path}.`)) return leadsOn(path) ? fail(path, ": it is a list") : void unknown.push(path);
      const step = (key: string) => (isMap ? `${path}{}` : path === "" ? key : `${path}.${key}`);
      const entries = Object.entries(inner).map(([key, item]) => [key, walk(item, step(key))] as const);
      return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
    }
    return leadsOn(path) ? fail(path, `: it is not ${JSON.stringify(inner)}`) : void unknown.push(path);
  };
  if (value === null || typeof value !== "object" || Array.isArray(value)) fail("", ": it is a JSON object");
  return { value: walk(value, prefix) as T, unknown: [...new Set(unknown)] };
}

const FITS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string" && !value.includes("\0"),
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isInteger(value),
  unsigned: (value) => Number.isInteger(value) && (value as number) >= 0,
  any: () => true,
};
const KINDS: Readonly<Record<FieldType, string>> = {
  string: "a string without NUL",
  boolean: "true or false",
  integer: "a whole number",
  unsigned: "a whole number from 0 on",
  any: "anything",
};

function leaf({ type, what, why }: Field, value: unknown, path: string, fail: (path: string, text: string) => never): unknown {
  if (value === null && !(path.endsWith("[]") && type !== "any")) return undefined;
  if (!FITS[type](value)) fail(path, `: ${JSON.stringify(value)} is not ${KINDS[type]}`);
  // An entry of a map says something by its key: netDevices has `"eth0": {}`.
  if (what === "refused" && (path.endsWith("{}") || saysSomething(value))) fail(path, ` is refused: ${why}`);
  return value;
}

function saysSomething(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === "") return false;
  return typeof value !== "object" || Object.values(value as object).some(saysSomething);
}
