// Options of `contain run` about what the program finds inside, as words for pivot.
import { type Context, canBeReadAgain, type Options } from "@contain-tools/chain";
import { deviceAt, exists, quote, UsageError } from "@contain-tools/kernel";
import { bindOf, insideOptions, isBasicDevice, readEnvFile, readMount, readVariable, type Variable } from "@contain-tools/pivot";
import { nodeWords } from "./devices.ts";
import type { RunOption } from "./options.ts";

/** The message for a program that got a user nobody asked for. */
export const ROOTS_HOME = "HOME=/root";
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** pivot's options, in an order in which a later one may override an earlier one. @throws UsageError */
export function insideWords(context: Context, given: Options<RunOption>, hostname: string): string[] {
  checkRoot(given);
  const workdir = given.value("workdir");
  return [
    ...(given.has("rw") ? ["--rw"] : []),
    ...(closesNodes(given) ? ["--nodev"] : []),
    ...(given.has("confine") ? ["--mask"] : []),
    ...(workdir === undefined ? [] : ["--cwd", workdir]),
    ...(given.has("inherit-env") ? [] : ["--clear-env"]),
    ...defaults(context, given, hostname).flatMap((variable) => ["--env", variable]),
    ...given.all("env-file").flatMap((file) => envFileWords(context, file)), // as in docker, --env wins wherever it is
    ...pass(given),
  ];
}

/** The variables that pivot sets by these words, in order. @throws UsageError */
export function variablesOf(context: Context, given: Options<RunOption>, hostname: string): Variable[] {
  return [
    ...defaults(context, given, hostname).map(readVariable),
    ...given.all("env-file").flatMap((file) => readEnvFile(context, file)),
    ...given.all("env").map(readVariable),
  ];
}

/** The file stays a file, so that its contents are on no command line; one that can be read only once is read here, for every link. */
function envFileWords(context: Context, file: string): string[] {
  if (canBeReadAgain(file)) return ["--env-file", file];
  return readEnvFile(context, file).flatMap(({ name, value }) => ["--env", value === undefined ? name : `${name}=${value}`]);
}

/** Variables that every program may expect. */
function defaults({ env }: Context, given: Options<RunOption>, hostname: string): string[] {
  const inherited = given.has("inherit-env") ? env : {};
  const { PATH: path = DEFAULT_PATH, HOME: home, TERM: term = env["TERM"] ?? "xterm" } = inherited;
  return [
    `PATH=${path}`, // even if it is inherited: the script of --print-chain puts our own directory into it
    ...(home === undefined && !given.has("user") ? [ROOTS_HOME] : []),
    `TERM=${term}`,
    `HOSTNAME=${hostname}`,
  ];
}

function pass(given: Options<RunOption>): string[] {
  return given.given.flatMap(({ name, value }) => {
    if (name === "volume") return volumeWords(value ?? "", closesNodes(given));
    if (name === "mount") return mountWords(value ?? "", closesNodes(given));
    if (name === "device") return nodeWords(given, value ?? "");
    if (name === "env-file" || !Object.hasOwn(insideOptions, name) || (name === "user" && given.has("confine"))) return [];
    if (name === "overlay") return [value === undefined ? "--overlay" : `--overlay=${value}`];
    return [`--${name}`, value ?? ""];
  });
}

/** The caller's own rules are for nodes that are made inside or come with a volume: then only the group's list restricts access. */
const closesNodes = (given: Options<RunOption>) => given.has("confine") && !given.has("device-cgroup-rule");

/** docker's; SELinux labels and the caches of Docker Desktop mean nothing here. */
const VOLUME_MODES = /^(ro|rw|z|Z|cached|delegated|consistent|nocopy)$/;

function volumeWords(text: string, closed: boolean): string[] {
  const [source = "", target = "", modes = "rw", ...more] = text.split(":");
  const mode = modes.split(",").findLast((word) => word === "ro" || word === "rw") ?? "rw";
  if (source === "" || !target.startsWith("/") || more.length > 0 || !modes.split(",").every((word) => VOLUME_MODES.test(word)))
    throw new UsageError(
      `--volume ${quote(text)}: must be SRC:DST[:ro]`,
      "DST is a path inside, and starts with /; --mount has more words",
    );
  if (!exists(source)) throw new UsageError(`--volume ${text}: there is no ${source} on the host`);
  if (closed) checkSource(`--volume ${text}`, source, target);
  return [mode === "ro" ? "--ro-bind" : "--bind", `${source}:${target}`];
}

function mountWords(text: string, closed: boolean): string[] {
  const volume = readMount(text, false);
  const bind = bindOf(volume);
  if (closed && bind !== undefined) checkSource(`--mount ${quote(text)}`, bind.source, volume.target);
  return ["--mount", text];
}

function checkSource(option: string, source: string, target: string): void {
  const device = deviceAt(source);
  if (device !== undefined && !isBasicDevice(device))
    throw new UsageError(`${option}: with --confine no device on a volume can be opened`, `--device ${source}:${target}`);
}

function checkRoot(given: Options<RunOption>): void {
  const writable = (["rw", "overlay"] as const).find((name) => given.has(name));
  if (given.has("read-only") && writable !== undefined) throw new UsageError(`--read-only and --${writable} exclude each other`);
}

/** TERM is the only variable of the caller that describes the container's surroundings: the terminal. */
export function callersTerm({ env }: Context): string {
  return `TERM=${env["TERM"] ?? "xterm"}`;
}
