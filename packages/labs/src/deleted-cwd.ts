import type { Lab } from "./lab.ts";

const SCRIPT =
  'mkdir /tmp/current; cd /tmp/current; rmdir /tmp/current; mkdir /tmp/current; touch file; echo "touch ended with $?"; read go';

export const deletedCwd: Lab = {
  name: "deleted-cwd",
  title: "ENOENT in a directory that was removed and made again",
  story:
    "After a deployment, a service that still runs cannot open files by relative names: `getcwd: No such file or directory`. A shell at the same path sees all files.",
  needs: [],
  commands: () => [["contain", "run", "-q", "--tmpfs", "/tmp", "--", "sh", "-c", SCRIPT]],
  question: "A shell is in /tmp/current. The directory is removed, and one of the same name is made. `touch file` in that shell:",
  answers: ["makes /tmp/current/file", "fails with ENOENT", "makes the file in /tmp, the nearest directory that is left"],
  right: 1,
  play(stage) {
    const running = stage.start(0);
    const { pid } = stage.container(running);
    stage.until("touch has ended", () => running.output().includes("touch ended with"));
    const cwd = stage.link(`/proc/${pid}/cwd`, "proc_pid_cwd(5): ` (deleted)` follows the path of a directory that was removed");
    stage.enter(running);
    stage.end(running);
    stage.check("the working directory is a deleted one", cwd === "/tmp/current (deleted)");
    stage.check("touch failed", /touch ended with [1-9]/.test(running.output()));
  },
  why: "A working directory is a directory, not a path. The process keeps the removed one alive; it has no name and no parent any more, and nothing can be made in it (rmdir(2), open(2): ENOENT). A new directory of the same name is another one. A container's bind mount of a directory that was replaced on the host is the same case.",
  fix: "`cd /` in services; deploy by changing a symbolic link to a new directory, and restart processes in the old one. `ls -l /proc/*/cwd | grep deleted` finds them.",
};
