import { childrenOf, readMountInfo } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { wordsOf } from "./processes.ts";

const SCRIPT =
  '(cd /tmp && exec sleep 60) & read go; umount /tmp; echo "umount ended with $?"; read go; kill $!; wait; umount /tmp; echo "umount ended with $?"';

export const busyUmount: Lab = {
  name: "busy-umount",
  title: "EBUSY: a process has its working directory there",
  story: "A volume cannot be unmounted: `target is busy`. No tool shows an open file on it.",
  needs: ["mount"],
  commands: () => [["contain", "run", "-q", "--tmpfs", "/tmp", "--", "sh", "-c", SCRIPT]],
  question:
    "In a container a process has /tmp, a tmpfs, as its working directory and has no file open there. umount /tmp, before and after it was ended:",
  answers: ["EBUSY first, then it works", "works both times: no file is open", "works, and the process gets ENOENT from then on"],
  right: 0,
  play(stage) {
    const running = stage.start(0);
    const { pid } = stage.container(running);
    let holder: number | undefined;
    stage.until("a process is there", () => {
      holder = childrenOf(pid).find((child) => wordsOf(child)[0] === "sleep");
      return holder !== undefined;
    });
    const isMounted = () => readMountInfo(`/proc/${pid}`).some(({ mountPoint }) => mountPoint === "/tmp");
    const before = isMounted();
    stage.enter(running);
    stage.until("umount has ended", () => running.output().includes("umount ended with"));
    const first = running.output();
    const cwd = stage.link(`/proc/${holder}/cwd`, "umount(2), EBUSY: a working directory on the mount keeps it busy, as an open file does");
    stage.link(`/proc/${holder}/ns/mnt`, "mount_namespaces(7): it is the mount of this mount namespace that is busy");
    stage.note(`/proc/${pid}/mountinfo /tmp`, isMounted() ? "mounted" : undefined, "proc_pid_mountinfo(5): still there after umount");
    const after = isMounted();
    stage.enter(running);
    stage.end(running);
    stage.check("umount failed while the process was there", before && after && /umount ended with [1-9]/.test(first));
    stage.check("its working directory was the mount", cwd === "/tmp");
    stage.check("umount worked after the process had ended", /umount ended with 0\n$/.test(running.output()));
  },
  why: "A mount is in use while a process of any kind refers to it: a working directory or root, an open file, a mapped file, a running program, a mount below it, a swap file (umount(2)). An open file is only one of these.",
  fix: "Look at /proc/*/cwd, root, exe, fd and maps (fuser -m, lsof), in every mount namespace that has it. `umount --lazy` hides the mount at once but frees it only after its last user has ended.",
};
