// What pivot mounts in a root, as mounts[], and the host's device nodes, as linux.devices.
import { deviceAt, deviceOf, isMapped, relative, stat } from "@contain-tools/kernel";
import type { Plan as NsexecPlan } from "@contain-tools/nsexec";
import { bindOf, isBasicDevice, type Plan as PivotPlan, type Volume } from "@contain-tools/pivot";
import type { DeviceNode, Mount } from "../spec/spec.ts";

const mount = (destination: string, type: string, source: string, ...options: readonly string[]): Mount => ({
  ...{ destination, type, source },
  options,
});

/** @param isNewUser in a new user namespace nobody can make a node: the host's are bound there */
export function mountsOf(plan: PivotPlan, maps: NsexecPlan["maps"], isNewUser: boolean): { mounts: Mount[]; devices: DeviceNode[] } {
  const given = [...plan.devices.map((device): Volume => ({ kind: "device", ...device })), ...plan.volumes];
  const nodes = given.flatMap((volume) => (volume.kind === "device" ? volume : []));
  const group = !isNewUser || isMapped(maps.group, 5) ? ["gid=5"] : []; // the host's tty group owns terminals
  return {
    mounts: [
      ...(plan.proc ? [mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev")] : []),
      ...(plan.sys ? [mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")] : []),
      ...(plan.dev
        ? [
            mount("/dev", "tmpfs", "tmpfs", "nosuid", "noexec", "mode=755", "size=65536k", ...(plan.readOnly ? ["ro"] : [])),
            mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...group),
            mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
          ]
        : []),
      ...given.flatMap((volume) => volumeOf(volume, plan.nodev, isNewUser)),
    ],
    devices: isNewUser ? [] : nodes.map(nodeOf),
  };
}

function volumeOf(volume: Volume, nodev: boolean, isNewUser: boolean): Mount[] {
  const { target } = volume;
  if (volume.kind === "device") return isNewUser ? [mount(target, "bind", volume.source, "bind", "rprivate", "ro")] : [];
  if (volume.kind === "tmpfs") {
    const size = volume.size === undefined ? [] : [`size=${volume.size}`];
    const readOnly = volume.readOnly ? ["ro"] : [];
    return [mount(target, "tmpfs", "tmpfs", "nosuid", "nodev", `mode=${volume.mode.toString(8).padStart(4, "0")}`, ...size, ...readOnly)];
  }
  if (volume.kind === "bind") {
    const closed = nodev && !isBasicDevice(deviceAt(volume.source)); // /dev/null over a file hides it
    const flags = [...(volume.readOnly ? ["ro", "rro"] : []), ...(closed ? ["nodev", "rnodev"] : [])];
    return [mount(target, "bind", volume.source, volume.recursive ? "rbind" : "bind", `r${volume.propagation}`, ...flags)];
  }
  const { bind, type, source, words } = volume;
  const bindWord = bind === undefined || words.includes("bind") || words.includes("rbind") ? [] : [bind === "tree" ? "rbind" : "bind"];
  const options = [...bindWord, ...words, ...(nodev && type !== "devpts" ? ["nodev"] : [])];
  return [{ destination: target, type, ...(source === undefined ? {} : { source }), options }];
}

function nodeOf({ source, target }: { readonly source: string; readonly target: string }): DeviceNode {
  const file = stat(source);
  const { type = "c", major = 0, minor = 0 } = deviceOf(file) ?? {};
  return { path: target, type, major, minor, fileMode: file.mode & 0o777, uid: file.uid, gid: file.gid };
}

/** Where the root and its binds show directories of the host that must be hidden. */
export function hiddenPaths({ rootfs, hidden, volumes }: PivotPlan): string[] {
  const shown = [
    { source: rootfs, target: "/" },
    ...volumes.flatMap((volume) => {
      const bind = bindOf(volume);
      return bind === undefined ? [] : [{ source: bind.source, target: volume.target }];
    }),
  ];
  return hidden.flatMap((dir) =>
    shown.flatMap(({ source, target }) => {
      const below = relative(source, dir);
      return below === "" || below.startsWith("..") ? [] : [`${target === "/" ? "" : target}/${below}`];
    }),
  );
}
