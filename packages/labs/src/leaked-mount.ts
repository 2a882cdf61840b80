import { readFileSync } from "node:fs";
import { readMountInfo } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";

const script = (dir: string) =>
  [
    `mount -t tmpfs lab ${dir}/data; echo precious >${dir}/data/file; contain run -q --grace 0s -- sleep 60 & read go`,
    `umount ${dir}/data; echo "umount ended with $?"; read go; kill $!; wait`,
  ].join("; ");

export const leakedMount: Lab = {
  name: "leaked-mount",
  title: "Unmounted on the host, and still held by a container",
  story:
    "A disk was unmounted without an error, but cannot be formatted or detached: `device is busy`. `mount` does not show it, fuser finds no process. Stopping an unrelated container helps.",
  needs: ["root", "mount"],
  setup: (dir) => [`mkdir ${dir}/data`],
  commands: (dir) => [["nsexec", "--mount", "--", "sh", "-c", script(dir)]],
  question:
    "In a mount namespace that plays the host a file system is mounted, a container starts, and then the file system is unmounted. Is it gone?",
  answers: ["yes: umount succeeded", "no: umount says EBUSY", "no: umount succeeds, and the container's copy keeps it alive"],
  right: 2,
  play(stage) {
    const data = `${stage.dir}/data`;
    const host = stage.start(0);
    const { pid } = stage.container(host);
    const mounted = (of: number) => readMountInfo(`/proc/${of}`).find(({ mountPoint }) => mountPoint === data);
    const before = mounted(host.pid);
    stage.enter(host);
    stage.until("umount has ended", () => host.output().includes("umount ended with"));
    stage.link(`/proc/${host.pid}/ns/mnt`, "mount_namespaces(7): the mount namespace that plays the host");
    const onHost = mounted(host.pid);
    stage.note(`/proc/${host.pid}/mountinfo ${data}`, onHost?.source, "proc_pid_mountinfo(5): unmounted there");
    stage.link(`/proc/${pid}/ns/mnt`, "mount_namespaces(7): the container's is another one, made as a copy");
    const held = mounted(pid);
    const text = stage.note(
      `/proc/${pid}/mountinfo ${data}`,
      held && `${held.type} ${held.source}`,
      "proc_pid_mountinfo(5): still mounted there",
    );
    const content = stage.file(`/proc/${pid}/root${data}/file`, "the file system lives while one mount of it is left (umount(2))");
    stage.enter(host);
    stage.end(host);
    stage.check(
      "it was mounted, and umount succeeded",
      before !== undefined && onHost === undefined && host.output().includes("ended with 0"),
    );
    stage.check("the container still has it", text === "tmpfs lab");
    stage.check("with its file", content === "precious");
    stage.check("the host of this machine never had it", !readFileSync("/proc/self/mountinfo", "utf8").includes(data));
  },
  why: "A new mount namespace begins as a copy of all mounts (mount_namespaces(7)). With private propagation an umount on the host does not reach the copy, and the file system stays in use: no file need be open. A container that binds the host's / or /var/lib (monitoring, backup, CSI) holds everything that was mounted when it started.",
  fix: "`grep -l DEVICE /proc/*/mountinfo` names the processes whose namespaces hold it. End them, or unmount there: `nsexec -t PID --mount -- umount DIR`. For such containers: bind less, or let mounts propagate (rslave).",
};
