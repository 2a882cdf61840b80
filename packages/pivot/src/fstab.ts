// --mount of any file system, in the words of fstab(5): words to plan.
import { exists, type MountAttributes, resolve, type UsageError } from "@contain-tools/kernel";
import { type MountFlags, readFlags } from "./mountflags.ts";

/** A mount as it was given; mounts are made in the order of the command line. */
export interface Given extends MountFlags {
  readonly kind: "given";
  readonly type: string;
  readonly source: string | undefined;
  readonly target: string;
  /** The option words. */
  readonly words: readonly string[];
}

/** Fields of the word, in order. */
type Fields = readonly (readonly [key: string, value: string | undefined])[];

const SAME: Readonly<Record<string, string>> = { src: "source", dst: "target", destination: "target", readonly: "ro" };
const nameOf = (key: string) => SAME[key.toLowerCase()] ?? key;

/** @param pathsMoved the source cannot be checked yet. @param bad makes the error. @throws UsageError */
export function readGivenMount(fields: Fields, pathsMoved: boolean, bad: (problem: string, hint?: string) => UsageError): Given {
  const named = new Map<string, string>();
  const words: string[] = [];
  for (const [key, value] of fields) {
    const name = nameOf(key);
    if (value === undefined || !["type", "source", "target"].includes(name)) words.push(value === undefined ? name : `${key}=${value}`);
    else if (named.has(name)) throw bad(`${name} is given twice`);
    else named.set(name, value);
  }
  const flags = readFlags(words);
  const [target = "", source] = [named.get("target"), named.get("source")];
  const type = flags.bind === undefined ? (named.get("type") ?? "") : "bind";
  const [refused] = flags.refused;
  if (refused !== undefined) throw bad(`${refused[0]} is not supported`, refused[1]);
  if (!target.startsWith("/")) throw bad("target must be a path inside the root that starts with /");
  if (type === "" && !flags.remount) throw bad("missing type", "type=tmpfs, or any other file system of /proc/filesystems");
  if (flags.copyUp && (type !== "tmpfs" || flags.remount))
    throw bad("tmpcopyup is for a new tmpfs", "elsewhere it would write to the mounted files");
  const [unknown] = Object.keys(flags.data);
  if (flags.remount && unknown !== undefined)
    throw bad(`remount cannot change ${unknown}`, "it changes the flags of a mount, as ro and nosuid; the file system keeps its options");
  if (type !== "bind") return { ...flags, kind: "given", type, source, target, words };
  if (unknown !== undefined) throw bad(`a bind mount has no ${unknown}`, "it has the file system of its source, with its options");
  if (source === undefined || source === "") throw bad("missing source", "a file or directory of the host");
  if (!pathsMoved && !exists(source)) throw bad(`there is no ${source} on the host`);
  return { ...flags, bind: flags.bind ?? "tree", kind: "given", type, source: resolve(source), target, words };
}

/** True if mounts propagate through it. */
export const travels = ({ propagation }: Given, kind: number): boolean => propagation?.kind === kind;

/** The flags, with one more set. */
export const withAttribute = ({ set, clear }: MountAttributes, bit: number): MountAttributes => ({ set: set | bit, clear });
