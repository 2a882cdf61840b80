// --mount type=bind,source=…,target=…: docker's words, as the fields of a CSV line, in which quotes allow commas.
import { exists, parseSize, quote, resolve, UsageError } from "@contain-tools/kernel";
import { type Given, readGivenMount } from "./fstab.ts";

export interface Bind {
  readonly kind: "bind";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Propagation: none, from the host to here, or both ways (mount_namespaces(7)). */
  readonly propagation: "private" | "slave" | "shared";
  /** With all mounts below it. */
  readonly recursive: boolean;
}

export interface Tmpfs {
  readonly kind: "tmpfs";
  readonly target: string;
  /** Bytes; 0 for no limit. */
  readonly size: bigint | undefined;
  readonly mode: number;
  readonly readOnly: boolean;
}

const SAME: Readonly<Record<string, string>> = { src: "source", dst: "target", destination: "target", ro: "readonly" };
const KEYS = {
  bind: ["source", "target", "readonly", "bind-propagation", "bind-recursive", "bind-nonrecursive"],
  tmpfs: ["target", "readonly", "tmpfs-size", "tmpfs-mode"],
} as const;
const FORM =
  "type=bind,source=DIR,target=DST[,readonly][,bind-propagation=rslave], or type=tmpfs,target=DST[,tmpfs-size=64M][,tmpfs-mode=0700]";

/**
 * @param pathsMoved the source cannot be checked yet
 * @param plain always read as fstab(5); otherwise only what docker's words cannot say
 * @throws UsageError
 */
export function readMount(text: string, pathsMoved: boolean, plain = false): Bind | Tmpfs | Given {
  const bad = (problem: string, hint = FORM) => new UsageError(`--mount ${quote(text)}: ${problem}`, hint);
  const given = new Map<string, string | undefined>();
  const fields = (fieldsOf(text) ?? []).map((field) => {
    const at = field.indexOf("=");
    return [at === -1 ? field : field.slice(0, at), at === -1 ? undefined : field.slice(at + 1)] as const;
  });
  if (plain || !isDockers(fields)) return readGivenMount(fields, pathsMoved, bad);
  for (const [word, value] of fields) {
    const key = word.toLowerCase();
    const name = SAME[key] ?? key;
    if (given.has(name)) throw bad(`${name} is given twice`);
    given.set(name, value);
  }
  if (given.size === 0) throw bad("a quote is inside a field, or is not closed");
  const type = given.get("type");
  given.delete("type");
  if (type === "volume" || type === undefined)
    throw bad(
      type === undefined ? "no type is given" : "there are no named volumes here",
      "type=bind with a directory of the host as its source, or type=tmpfs",
    );
  if (type !== "bind" && type !== "tmpfs") throw bad(`type ${quote(type)} is not known`); // isDockers has seen to it
  const keys: readonly string[] = KEYS[type];
  const unknown = [...given.keys()].find((key) => !keys.includes(key));
  if (unknown !== undefined) throw bad(`type=${type} has no ${quote(unknown)}`, `it has ${keys.join(", ")}`);
  const flag = (key: string) => {
    const value = given.get(key) ?? `${given.has(key)}`;
    if (!/^(true|false|1|0)$/.test(value)) throw bad(`${key} is true or false`);
    return value === "true" || value === "1";
  };
  const target = given.get("target") ?? "";
  if (!target.startsWith("/")) throw bad("target is a path inside the root, and starts with /");
  const readOnly = flag("readonly");
  if (type === "tmpfs") {
    const [size, mode = "1777"] = [given.get("tmpfs-size"), given.get("tmpfs-mode")];
    if (!/^[0-7]{1,5}$/.test(mode) || Number.parseInt(mode, 8) > 0o7777) throw bad("tmpfs-mode is octal: 1777");
    return {
      kind: "tmpfs",
      target,
      size: size === undefined ? undefined : readTmpfsSize("--mount tmpfs-size", size),
      mode: Number.parseInt(mode, 8),
      readOnly,
    };
  }
  const source = given.get("source") ?? "";
  if (source === "") throw bad("source is a file or directory of the host");
  if (!pathsMoved && !exists(source)) throw bad(`there is no ${source} on the host`, "source is a file or directory of the host");
  const propagation = (given.get("bind-propagation") ?? "private").replace(/^r/, "");
  if (propagation !== "private" && propagation !== "slave" && propagation !== "shared")
    throw bad("bind-propagation is private, slave or shared, or the same with an r: the mounts below are meant in any case");
  const recursive = given.get("bind-recursive") ?? "enabled";
  if (recursive !== "enabled" && recursive !== "disabled" && recursive !== "readonly")
    throw bad("bind-recursive is enabled or disabled; with readonly the mounts below are read-only too");
  return {
    kind: "bind",
    source: resolve(source),
    target,
    readOnly,
    propagation,
    recursive: recursive !== "disabled" && !flag("bind-nonrecursive"),
  };
}

/**
 * False for other file systems, for a bind that says which kind (`bind`, `rbind`), and for a tmpfs with options that docker does not know.
 */
function isDockers(fields: readonly (readonly [key: string, value: string | undefined])[]): boolean {
  const keys = fields.map(([key]) => SAME[key.toLowerCase()] ?? key.toLowerCase());
  const type = fields.find(([key]) => key.toLowerCase() === "type")?.[1];
  if (keys.includes("bind") || keys.includes("rbind") || keys.includes("remount")) return false;
  if (type === "tmpfs") return keys.every((key) => key === "type" || (KEYS.tmpfs as readonly string[]).includes(key));
  return type === undefined || type === "bind" || type === "volume";
}

/** undefined if it is not a CSV line (RFC 4180). */
function fieldsOf(text: string): string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const [all, quoted, plain = ""] = /^(?:"((?:[^"]|"")*)"|([^",]*))(?:,|$)/.exec(text.slice(at)) ?? [];
    if (all === undefined) return undefined;
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    at += all.length;
    if (!all.endsWith(",")) break;
  }
  return fields;
}

/** Bytes; 0 for no limit, as in tmpfs(5). */
export function readTmpfsSize(option: string, text: string): bigint {
  if (text === "max") return 0n;
  const size = parseSize(option, text);
  if (size === 0n)
    throw new UsageError(
      `${option}: a size of 0 means no limit to the kernel (tmpfs(5))`,
      "max, if that is meant; without a size it is half of the memory",
    );
  return size;
}
