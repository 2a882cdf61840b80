// Lists of capabilities: --caps, --keep, --drop, and each of the five sets.
import type { Options } from "@contain-tools/chain";
import { CAPABILITIES, quote, UsageError } from "@contain-tools/kernel";
import type { Name } from "./options.ts";

/** What docker leaves root in a container. */
export const defaultCapabilities = () =>
  set(
    ..."chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap".split(
      " ",
    ),
  );

/** Every bit of a capability set. */
export const ALL_CAPABILITIES = (1n << 64n) - 1n;

function set(...names: string[]): bigint {
  return names.reduce((all, name) => all | (1n << BigInt(CAPABILITIES.indexOf(`CAP_${name.toUpperCase()}`))), 0n);
}

/**
 * `NAME,…`, with CAP_ or without, in any case, `all`, `none`, or `default` for docker's. Capability N is bit N.
 *
 * @param unknown called with an unknown name; without it that is an error
 * @throws UsageError
 */
export function readCapabilities(option: string, text: string, unknown?: (word: string) => void): bigint {
  return text.split(",").reduce((all, word) => all | readWord(option, word, unknown), 0n);
}

function readWord(option: string, word: string, unknown?: (word: string) => void): bigint {
  const name = word.toUpperCase().replace(/^CAP_/, "");
  if (name === "ALL") return ALL_CAPABILITIES;
  if (name === "NONE") return 0n;
  if (name === "DEFAULT") return defaultCapabilities();
  const number = CAPABILITIES.indexOf(`CAP_${name}`);
  if (number !== -1) return 1n << BigInt(number);
  if (unknown === undefined)
    throw new UsageError(
      `${option}: ${quote(word)} is not a capability`,
      "names are those of capabilities(7): net_raw, CAP_NET_RAW; or all, none, default",
    );
  unknown(word);
  return 0n;
}

const SETS = ["bounding", "permitted", "effective", "inheritable", "ambient"] as const;

/** The five sets of capabilities(7), capability N at bit N; undefined: unchanged. */
export type CapabilitySets = Readonly<Record<(typeof SETS)[number], bigint | undefined>>;

/** --bounding and so on; undefined if none of them is given. `remarks` gets the warnings. @throws UsageError */
export function readSets(given: Options<Name>, remarks: string[]): CapabilitySets | undefined {
  if (!SETS.some((name) => given.has(name))) return undefined;
  const unknown = given.has("ignore-unknown-caps")
    ? (word: string) => {
        const text = `${quote(word)} is an unknown capability: ignored`;
        if (!remarks.includes(text)) remarks.push(text);
      }
    : undefined;
  const read = (name: (typeof SETS)[number]) => {
    const text = given.value(name);
    return text === undefined ? undefined : readCapabilities(`--${name}`, text, unknown);
  };
  return {
    bounding: read("bounding"),
    permitted: read("permitted"),
    effective: read("effective"),
    inheritable: read("inheritable"),
    ambient: read("ambient"),
  };
}
