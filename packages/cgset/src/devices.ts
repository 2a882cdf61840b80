// --device: words to the rules of a device list.
import { DEVICE_ACCESS, type DeviceRule, deviceAt, quote, UsageError } from "@contain-tools/kernel";

/** The default of docker and runc: any node may be made, and these may be used. */
const DEFAULT = [
  "c *:* m",
  "b *:* m",
  "c 1:3", // null
  "c 1:5", // zero
  "c 1:7", // full
  "c 1:8", // random
  "c 1:9", // urandom
  "c 5:0", // tty
  "c 5:1", // console
  "c 5:2", // ptmx
  "c 136:*", // pts/0 and on
];

const FORM = '"c 1:3 rwm", "b 8:* r", "/dev/fuse rw", "deny c 10:* w", a for all devices, or default';

/** One RULE, or the rules of `default`. @throws UsageError */
export function readDevices(text: string): DeviceRule[] {
  if (text === "default") return DEFAULT.map((rule) => readRule(rule, rule));
  return [readRule(text, text.replace(/^(?:allow|deny) +/, ""))];
}

function readRule(text: string, rule: string): DeviceRule {
  const [, what = "", numbers, access = "rwm"] = /^([abc]|\/\S+)(?: +(\S+:\S+))?(?: +([rwm]+))?$/.exec(rule) ?? [];
  const words = { allow: !text.startsWith("deny "), access: readAccess(access) };
  if (what.startsWith("/") && numbers === undefined) return { ...words, ...nodeAt(what, text) };
  const [, major, minor] = /^(\d+|\*):(\d+|\*)$/.exec(numbers ?? (what === "a" ? "*:*" : "")) ?? [];
  if ((what !== "a" && what !== "b" && what !== "c") || major === undefined || minor === undefined)
    throw new UsageError(`--device ${quote(text)} is not a device rule`, FORM);
  return { ...words, type: what, major: readNumber(text, major, 0xfff), minor: readNumber(text, minor, 0xfffff) };
}

function nodeAt(path: string, text: string): Pick<DeviceRule, "type" | "major" | "minor"> {
  const device = deviceAt(path);
  if (device === undefined) throw new UsageError(`--device ${quote(text)}: ${path} is not a device node`, FORM);
  return device;
}

const readAccess = (letters: string) => [...letters].reduce((bits, letter) => bits | DEVICE_ACCESS[letter as "r" | "w" | "m"], 0);

/** undefined for `*`. */
function readNumber(text: string, number: string, most: number): number | undefined {
  if (number === "*") return undefined;
  if (Number(number) > most) throw new UsageError(`--device ${quote(text)}: ${number} is too large, ${most} is the most`, "makedev(3)");
  return Number(number);
}
