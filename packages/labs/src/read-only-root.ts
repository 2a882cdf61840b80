import { readMountInfo } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { NotHere } from "./stopped.ts";

const FILE = "/var/tmp/contain-lab.log";

export const readOnlyRoot: Lab = {
  name: "read-only-root",
  title: "EROFS: root may do everything but write to its root",
  story:
    "An image works everywhere but on the hardened cluster (readOnlyRootFilesystem): there it dies at start, though it runs as root and the modes are right.",
  needs: [],
  commands: () => [
    ["contain", "run", "-q", "--", "sh", "-c", `read go; touch ${FILE}`],
    ["contain", "run", "-q", "--tmpfs", "/var/tmp", "--", "sh", "-c", `read go; touch ${FILE}`],
  ],
  question:
    "The root of the container is read-only. Root inside writes to /var/tmp, in the second container a tmpfs. Which write succeeds?",
  answers: ["both: root has CAP_DAC_OVERRIDE", "none", "the second one"],
  right: 2,
  play(stage) {
    const look = (index: number, path: string, rule: string) => {
      const running = stage.start(index);
      const { pid } = stage.container(running);
      const mount = readMountInfo(`/proc/${pid}`).findLast(({ mountPoint }) => mountPoint === path);
      const options = stage.note(`/proc/${pid}/mountinfo ${path}`, mount && `${mount.type} ${mount.options.join()}`, rule);
      return { running, options: options.split(/[ ,]/) };
    };
    const first = look(0, "/", "mount(2), MS_RDONLY: ro: read-only for everybody");
    if (!first.options.includes("ro")) throw new NotHere("the root of the container is writable", "nothing is written to it");
    stage.enter(first.running);
    const refused = stage.end(first.running);
    stage.check("the root is mounted ro", first.options.includes("ro"));
    stage.check("touch failed there", refused.status !== 0);
    const second = look(1, "/var/tmp", "proc_pid_mountinfo(5): a mount of its own, rw: its options are not those of the root");
    stage.enter(second.running);
    stage.check("on the tmpfs it did not", stage.end(second.running).status === 0 && second.options.includes("rw"));
  },
  why: "Read-only is a property of the mount, checked before owners, modes and capabilities: open(2) for writing fails with EROFS for everybody. Each mount has its own flag, so a tmpfs or a volume on a read-only root can be written to.",
  fix: "Find the paths that are written to (EROFS in the log, or `contain run --trace`), and mount something writable on just these: `--tmpfs /tmp`, `--volume`, or `--overlay` for a layer that is thrown away.",
};
