// --caps, --keep, --drop: lists of capabilities.
import { CAPABILITIES, quote, UsageError } from "@contain-tools/kernel";

/** What docker leaves to root in a container. */
export const defaultCapabilities = () =>
  set(
    ..."chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap".split(
      " ",
    ),
  );

/** All that a capability set can hold. */
export const ALL_CAPABILITIES = (1n << 64n) - 1n;

function set(...names: string[]): bigint {
  return names.reduce((all, name) => all | (1n << BigInt(CAPABILITIES.indexOf(`CAP_${name.toUpperCase()}`))), 0n);
}

/** `NAME,…`, with CAP_ or without, in any case, `all`, `none`, or `default` for docker's. Capability N is bit N. @throws UsageError */
export function readCapabilities(option: string, text: string): bigint {
  return text.split(",").reduce((all, word) => all | readWord(option, word), 0n);
}

function readWord(option: string, word: string): bigint {
  const name = word.toUpperCase().replace(/^CAP_/, "");
  if (name === "ALL") return ALL_CAPABILITIES;
  if (name === "NONE") return 0n;
  if (name === "DEFAULT") return defaultCapabilities();
  const number = CAPABILITIES.indexOf(`CAP_${name}`);
  if (number === -1)
    throw new UsageError(
      `${option}: ${quote(word)} is no capability`,
      "names are those of capabilities(7): net_raw, CAP_NET_RAW; or all, none, default",
    );
  return 1n << BigInt(number);
}
