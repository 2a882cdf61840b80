// --device, and with --confine docker's device list: words for pivot, which makes the nodes, and for cgset, which limits their use.
import type { Options } from "@contain-tools/chain";
import { deviceOf, fstat, isTerminal, quote, UsageError, whyNoDeviceProgram } from "@contain-tools/kernel";
import { deviceNodes, readDevice } from "@contain-tools/pivot";
import type { RunOption } from "./options.ts";

/** `--device HOST:CONT` for pivot, one word per node. @throws UsageError */
export function nodeWords(given: Options<RunOption>, text: string): string[] {
  const word = readDevice(text);
  if (word.access !== undefined && !given.has("confine"))
    throw new UsageError(
      `--device ${quote(text)}: without --confine access to devices is not limited`,
      `--confine --device ${quote(text)}`,
    );
  return deviceNodes(word).flatMap(({ source, target }) => ["--device", `${source}:${target}`]);
}

interface DeviceList {
  /** cgset's options. */
  readonly words: readonly string[];
  /** The remark if there is none. */
  readonly missing: string | undefined;
}

const PSEUDO_TERMINAL = 136; // the major number of /dev/pts/0 to 255 (devices.txt); docker's list has all of them
const NONE: DeviceList = { words: [], missing: undefined };

/**
 * The device list of a container's group.
 *
 * @param group the directory of that group, if there will be one
 * @throws UsageError if an option needs such a list and it is impossible
 */
export function deviceList(given: Options<RunOption>, rootless: boolean, group: string | undefined): DeviceList {
  if (!given.has("confine")) return NONE;
  const devices = given.all("device").map(readDevice);
  const refusal = rootless ? "an ordinary user cannot load a device program" : whyNone(group);
  if (refusal !== undefined) {
    const limited = devices.some(({ access }) => access !== undefined && !(access.includes("r") && access.includes("w")));
    const option = given.has("device-cgroup-rule") ? "device-cgroup-rule" : limited ? "device" : undefined;
    if (option !== undefined)
      throw new UsageError(
        `--${option}: access to devices cannot be limited here: ${refusal}`,
        "without this option nodev closes all nodes except those of --device",
      );
    // In a user namespace nobody can make a node, or open one that was closed before.
    return rootless ? NONE : { words: [], missing: `no device list: ${refusal}; ${whatHolds(given)}` };
  }
  const rules = devices.flatMap((word) =>
    deviceNodes(word).map(({ device: { type, major, minor } }) => `${type} ${major}:${minor} ${word.access ?? "rwm"}`),
  );
  return {
    words: ["default", ...rules, ...terminals(), ...given.all("device-cgroup-rule")].flatMap((rule) => ["--device", rule]),
    missing: undefined,
  };
}

/**
 * It may open its own input and output again, by /dev/stdin and /dev/stdout: a console is not among the default list's pseudo-terminals.
 */
function terminals(): string[] {
  const found = [0, 1, 2].flatMap((fd) => (isTerminal(fd) ? (deviceOf(fstat(fd)) ?? []) : []));
  return [...new Set(found.filter(({ major }) => major !== PSEUDO_TERMINAL).map(({ major, minor }) => `c ${major}:${minor} rw`))];
}

function whatHolds(given: Options<RunOption>): string {
  return /\b(cap_)?sys_admin\b|\ball\b/i.test(given.all("cap-add").join())
    ? "root inside can take nodev off its mounts (CAP_SYS_ADMIN), so that every device of the host is open to it"
    : "nodev on every mount keeps device nodes closed";
}

function whyNone(group: string | undefined): string | undefined {
  if (group === undefined) return "the container has no cgroup v2 group";
  const error = whyNoDeviceProgram();
  return error === undefined ? undefined : `bpf(2) gives ${error.code}`;
}
