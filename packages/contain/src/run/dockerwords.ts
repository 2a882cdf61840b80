// docker's and podman's words for `contain run`: other names of our options, options that become ours, and what to write instead of the
// rest.
import { weightOfShares } from "@contain-tools/cgset";
import { type Given, type Instead, type Options, valuesOf } from "@contain-tools/chain";
import { parseCount, parseSize, quote, UsageError } from "@contain-tools/kernel";
import { dockerOptions } from "./dockeroptions.ts";
import { DEFAULT_NAMESPACES } from "./namespaces.ts";
import type { RunOption } from "./options.ts";

type DockerOption = keyof typeof dockerOptions;

const IMAGES = "there are no images here: --rootfs DIR, which `contain rootfs DIR --from FILE` makes of one";
const NO_NETWORKS = "--net veth connects it to the bridge contain0, the one network there is";

/** Options of docker and podman that have no counterpart. */
export const instead: Instead = {
  pull: IMAGES,
  platform: IMAGES,
  "volumes-from": "--volume SRC:DST for each of them: there are no volumes but directories of the host",
  "volume-driver": "--volume SRC:DST: there are no volumes but directories of the host",
  link: `${NO_NETWORKS}, where containers reach each other by address`,
  "network-alias": NO_NETWORKS,
  "mac-address": NO_NETWORKS,
  ip6: "--net veth has only IPv4; --net host shares the host's network",
  "publish-all": "--publish HOST:CONT for each port: there are no images that would name them",
  P: "--publish HOST:CONT for each port: there are no images that would name them",
  expose: "--publish HOST:CONT; containers of --net veth reach all ports of each other",
  attach: "the program has the caller's input and output; with --detach, `contain logs` and `contain attach`",
  a: "the program has the caller's input and output; with --detach, `contain logs` and `contain attach`",
  "sig-proxy": "signals are always passed on to PID 1; --detach leaves it alone",
  "log-driver": "--detach keeps a log in the CRI format, which `contain logs` reads",
  "log-opt": "--log-size SIZE bounds the log of --detach",
  runtime: "contain is the runtime",
  gpus: "--device /dev/NODE for each node",
  "device-read-bps": '--io "DEV rbps=N"',
  "device-write-bps": '--io "DEV wbps=N"',
  "device-read-iops": '--io "DEV riops=N"',
  "device-write-iops": '--io "DEV wiops=N"',
  "blkio-weight": "--set io.weight=N, where the kernel has io.weight",
  "kernel-memory": "--memory counts the kernel's memory too (cgroup v2)",
  "memory-swappiness": "cgroup v2 has no swappiness of a group; --swap SIZE bounds its swap",
  "oom-kill-disable": "cgroup v2 cannot disable it; --memory-high SIZE throttles before the limit",
  "cgroup-parent": "run contain inside that group: the container's group is made below the caller's",
  "env-host": "--inherit-env",
  "userns-remap": "--userns auto",
  "security-opts": "--security-opt",
  hostuser: "--volume a passwd file of your own on /etc/passwd",
  pod: "--ns without net shares the network of the caller: start it by `nsexec -t PID --net -- contain run …`",
  "rootfs-propagation": "--mount type=bind,…,bind-propagation=rslave",
  replace: "`contain rm -f NAME` first",
  "disable-content-trust": IMAGES,
  isolation: "--confine",
  "dns-search": "--volume FILE:/etc/resolv.conf, or --net veth, which passes the host's `search` on",
  "dns-option": "--volume FILE:/etc/resolv.conf, or --net veth, which passes the host's `options` on",
  "dns-opt": "--volume FILE:/etc/resolv.conf, or --net veth, which passes the host's `options` on",
  "label-file": "--label KEY=VALUE for each line",
  annotation: "--label KEY=VALUE",
  "detach-keys": "`contain attach` has Ctrl-P Ctrl-Q",
  tz: "--env TZ=Europe/Berlin, or --volume /etc/localtime:/etc/localtime:ro",
  timeout: "timeout(1) before it: timeout 10s contain run …",
  secret: "--volume FILE:/run/secrets/NAME:ro",
  "storage-opt": "--overlay=DIR has the limits of the file system of DIR",
  "no-hosts": "without --net veth and --add-host the root's own /etc/hosts is used",
  "http-proxy": "the caller's environment is not passed on: --env http_proxy",
  unsetenv: "the caller's environment is not passed on, unless --inherit-env is given",
  "unsetenv-all": "the caller's environment is not passed on, unless --inherit-env is given",
  "cpu-rt-runtime": "cgroup v2 has no such limit; `nsexec` and chrt(1) set a policy",
  "cpu-rt-period": "cgroup v2 has no such limit; `nsexec` and chrt(1) set a policy",
  "no-healthcheck": "there are no images that would bring one",
  "health-start-interval": "--health-interval",
  "ip-range": NO_NETWORKS,
  systemd: "there is no such mode; systemd as PID 1 wants `container=` in its environment, a tmpfs on /run and a cgroup2 on /sys/fs/cgroup",
};

const NAMESPACE_OF = { pid: "pid", ipc: "ipc", uts: "uts", cgroupns: "cgroup" } as const;

/** The same options in our own words; unchanged ones mean the same in docker. @throws UsageError */
export function inOurWords(docker: Options<RunOption>): Options<RunOption> {
  const isOurs = ({ name, value }: Given<RunOption>) =>
    !(name in dockerOptions) && !(name === "net" && value === "bridge") && !(name === "userns" && value === "host");
  const ours = docker.given.filter(isOurs);
  // In docker these change the rails that every container has.
  const confines =
    !docker.has("confine") && (docker.has("cap-add") || docker.has("cap-drop") || docker.all("security-opt").some(isSeccomp));
  if (ours.length === docker.given.length && !docker.has("publish") && !confines) return docker;
  const grouped = docker.has("group-add");
  const given: Given<RunOption>[] = ours.filter(({ name }) => !(grouped && name === "user"));
  const add = (name: RunOption, value: string | undefined) => given.push({ name, value });
  if (docker.value("net") === "bridge" || (docker.has("publish") && !docker.has("net"))) add("net", "veth");
  const entrypoint = docker.value("entrypoint");
  for (const [name, value] of [...limits(docker), ...securityOptions(docker)]) add(name, value);
  if (confines) add("confine", undefined);
  const shm = docker.value("shm-size");
  if (shm !== undefined) add("tmpfs", `/dev/shm:${shm}`);
  const groups = docker.all("group-add");
  if (groups.length > 0) add("user", `${docker.value("user") ?? "0"}${groups.map((group) => `+${group}`).join("")}`);
  const ns = namespaces(docker);
  if (ns !== undefined) add("ns", ns);
  if (docker.has("privileged")) {
    if (docker.has("confine") || confines)
      throw new UsageError(
        "--privileged and --confine exclude each other",
        "--cap-add, --cap-drop and --security-opt seccomp=… imply --confine",
      );
    add("privileged", undefined);
  }
  const rest = entrypoint === undefined ? docker.rest : [entrypoint, ...docker.rest];
  return { given, rest, ended: docker.ended, ...valuesOf(given) };
}

function limits(given: Options<DockerOption | RunOption>): [RunOption, string][] {
  const words: [RunOption, string][] = [];
  const total = given.value("memory-swap");
  if (total !== undefined) {
    const memory = given.value("memory");
    if (memory === undefined)
      throw new UsageError("--memory-swap counts memory and swap together: --memory is missing", "--swap SIZE limits only swap");
    if (given.has("swap")) throw new UsageError("--memory-swap and --swap exclude each other");
    const swap = total === "-1" ? "max" : parseSize("--memory-swap", total) - parseSize("--memory", memory);
    if (typeof swap === "bigint" && swap < 0n)
      throw new UsageError(`--memory-swap ${total}: less than --memory ${memory}`, "it counts memory and swap together");
    words.push(["swap", `${swap}`]);
  }
  const reservation = given.value("memory-reservation");
  if (reservation !== undefined) words.push(["set", `memory.low=${parseSize("--memory-reservation", reservation)}`]);
  const shares = given.value("cpu-shares");
  if (shares !== undefined) words.push(["cpu-weight", `${weightOfShares(parseCount("--cpu-shares", shares, 2, 262144))}`]);
  const mems = given.value("cpuset-mems");
  if (mems !== undefined) words.push(["set", `cpuset.mems=${mems}`]);
  const [quota, period = "100000"] = [given.value("cpu-quota"), given.value("cpu-period")];
  if (quota === undefined && given.has("cpu-period")) throw new UsageError("--cpu-period: --cpu-quota is missing");
  if (quota !== undefined) words.push(["cpu", `${quota === "-1" ? "max" : quota} ${period}`]);
  return words;
}

const isSeccomp = (text: string) => /^seccomp[=:]/.test(text);

function securityOptions(given: Options<RunOption>): [RunOption, string | undefined][] {
  return given.all("security-opt").map((text) => {
    const [, name = "", value = ""] = /^([^=:]+)(?:[=:](.*))?$/.exec(text) ?? [];
    if (name === "no-new-privileges" && (value === "" || value === "true")) return ["security-opt", name];
    if (name === "seccomp" && value !== "") return ["seccomp", value === "unconfined" ? "none" : value];
    throw new UsageError(
      `--security-opt ${quote(text)}: must be no-new-privileges or seccomp=FILE|unconfined`,
      "there are no AppArmor or SELinux profiles here; `confine` by hand has more",
    );
  });
}

/** @returns the value of --ns, or undefined if it stays */
function namespaces(given: Options<RunOption>): string | undefined {
  const names = Object.keys(NAMESPACE_OF) as (keyof typeof NAMESPACE_OF)[];
  const asked = names.filter((name) => given.has(name));
  if (asked.length === 0) return undefined;
  if (given.has("ns")) throw new UsageError(`--${asked[0]} and --ns exclude each other`, "--ns names all namespaces that are made");
  const hosts = asked.filter((name) => {
    const value = given.value(name);
    if (value !== "host" && value !== "private")
      throw new UsageError(
        `--${name} ${quote(value ?? "")}: must be host or private`,
        `to join another container's: nsexec --target $(contain inspect -f '{{.State.Pid}}' ID) --${name === "cgroupns" ? "cgroup" : name} -- contain run --${name} host …`,
      );
    return value === "host";
  });
  return DEFAULT_NAMESPACES.split(",")
    .filter((kind) => !hosts.some((name) => NAMESPACE_OF[name] === kind))
    .join(",");
}
