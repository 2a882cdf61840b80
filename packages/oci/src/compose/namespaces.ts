// Turns linux.namespaces, and the settings inside them, into words of nsexec.
import { OciError } from "../failure.ts";
import type { Linux, Spec } from "../spec/spec.ts";

/** The specification's names, and nsexec's. */
const KINDS: Readonly<Record<string, string>> = {
  user: "user",
  mount: "mount",
  pid: "pid",
  network: "net",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
};

/** The other way round. */
export const kindsOfSpec: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(KINDS).map(([type, kind]) => [kind, type]));

/** @throws OciError for a namespace that is unknown, given twice, or missing although something is to be set in it */
export function namespaceWords({ hostname, domainname, linux = {} }: Spec): string[] {
  const { namespaces = [], timeOffsets = {} } = linux;
  const kinds = new Map<string, string>();
  for (const { type, path = "" } of namespaces) {
    const kind = KINDS[type];
    if (kind === undefined) throw new OciError(`linux.namespaces: there is no namespace of type ${JSON.stringify(type)}`);
    if (kinds.has(kind)) throw new OciError(`linux.namespaces: ${type} is given twice`);
    if (path !== "" && !path.startsWith("/")) throw new OciError(`linux.namespaces: the path ${path} is not absolute`);
    kinds.set(kind, path);
  }
  const need = (kind: string, field: string, there: unknown) => {
    if (there && !kinds.has(kind)) throw new OciError(`${field}: it would be the host's own: a namespace of type ${kind} is missing`);
  };
  if (kinds.get("mount") !== "")
    throw new OciError("linux.namespaces: a new mount namespace is missing: without it the root of the host would change");
  need("uts", "hostname", hostname);
  need("uts", "domainname", domainname);
  need("time", "linux.timeOffsets", Object.keys(timeOffsets).length > 0);
  return [
    ...[...kinds].map(([kind, path]) => (path === "" ? `--${kind}` : `--join=${kind}=${path}`)),
    ...mapWords(linux, kinds.get("user") === ""),
    ...Object.entries(timeOffsets).flatMap(([clock, { secs = 0, nanosecs = 0 }]) => {
      if (clock !== "monotonic" && clock !== "boottime")
        throw new OciError(`linux.timeOffsets: there is no clock ${JSON.stringify(clock)}`);
      return [`--${clock}`, nanosecs === 0 ? `${secs}` : `${secs}.${`${nanosecs}`.padStart(9, "0")}`];
    }),
    ...(hostname ? ["--hostname", hostname] : []),
    ...(domainname ? ["--domainname", domainname] : []),
  ];
}

function mapWords({ uidMappings = [], gidMappings = [] }: Linux, isNew: boolean): string[] {
  if (!isNew) return []; // a joined user namespace has its maps already
  const words = (option: string, maps: typeof uidMappings) =>
    maps.flatMap(({ containerID, hostID, size }) => [option, `${containerID}:${hostID}:${size}`]);
  if (uidMappings.length === 0 || gidMappings.length === 0)
    throw new OciError("linux.uidMappings, linux.gidMappings: a new user namespace has no ids without them");
  // An ordinary user's own ids alone: such a gid_map wants setgroups to be denied first (user_namespaces(7)).
  const isOwn = ([map, ...more]: typeof uidMappings, id: number | undefined) =>
    more.length === 0 && map?.containerID === 0 && map.hostID === id && map.size === 1;
  if (process.geteuid?.() !== 0 && isOwn(uidMappings, process.geteuid?.()) && isOwn(gidMappings, process.getegid?.()))
    return ["--map-root-user"];
  // A user without an id inside owns nothing that is made there.
  const root = (maps: typeof uidMappings) => maps.some(({ containerID, size }) => containerID === 0 && size > 0);
  const ids = root(uidMappings) && root(gidMappings) ? ["--setuid", "0", "--setgid", "0"] : [];
  return [...words("--map-users", uidMappings), ...words("--map-groups", gidMappings), ...ids];
}
