// linux.cgroupsPath: where the group of a container is, below the cgroup2 mount.
import { OciError } from "../failure.ts";

/**
 * The group for `cgset --path`, from the root of the hierarchy. A relative path also begins there; without a path the group is
 * /contain-oci/ID.
 *
 * @throws OciError for a path with `..`, and for systemd's form, slice:prefix:name
 */
export function groupOf(path: string | undefined, id: string, systemd: boolean): string {
  if (systemd)
    throw new OciError(
      'linux.cgroupsPath: groups are not made by systemd (--systemd-cgroup): set cgroupfs as the manager: podman `cgroup_manager = "cgroupfs"`, docker `native.cgroupdriver=cgroupfs`, containerd `SystemdCgroup = false`',
    );
  if (path === undefined || path === "") return `/contain-oci/${id}`;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new OciError(`linux.cgroupsPath ${path}: it leads up`);
  if (parts.length === 0) throw new OciError(`linux.cgroupsPath ${path}: that is the root of the hierarchy`);
  return `/${parts.join("/")}`;
}
