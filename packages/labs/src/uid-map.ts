import { statSync } from "node:fs";
import { join } from "node:path";
import { childrenOf } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";

const CAP_DAC_OVERRIDE = 1n;
const MAP = "0:100000:65536";

export const uidMap: Lab = {
  name: "uid-map",
  title: "Root inside, nobody outside: permission denied on a volume",
  story:
    "With user namespaces (userns-remap, rootless, hostUsers: false) a container's root cannot read its volume, and files there belong to nobody or to uid 100000.",
  needs: ["root"],
  setup: (dir) => [`(umask 077; echo precious >${dir}/secret)`],
  commands: (dir) => [
    ["nsexec", "--map-users", MAP, "--map-groups", MAP, "--setuid", "0", "--setgid", "0", "--pid", "--mount", "--"].concat([
      ...["pivot", "/", "--", "sh", "-c", `id -u; ls -ln ${dir}/secret; cat ${dir}/secret; echo "cat ended with $?"; read go`],
    ]),
  ],
  question:
    "The ids 0 to 65535 inside are 100000 to 165535 outside. A file belongs to the host's root, mode 600. Root inside, with all capabilities, reads it:",
  answers: ["it may: it is root", "it may: CAP_DAC_OVERRIDE passes over modes", "EACCES, and the owner is shown as 65534"],
  right: 2,
  play(stage) {
    const secret = join(stage.dir, "secret");
    const running = stage.start(0);
    stage.until("cat has ended", () => running.output().includes("cat ended with") || running.ended() !== undefined);
    const pid = childrenOf(running.pid)[0] ?? 0;
    const map = stage.file(`/proc/${pid}/uid_map`, "user_namespaces(7): first id inside, first id outside, how many");
    const uid = stage.field(`/proc/${pid}/status`, "Uid", "proc_pid_status(5): its user ids as the reader's namespace has them");
    const capabilities = stage.field(`/proc/${pid}/status`, "CapEff", "capabilities(7): all of them, valid in its own user namespace");
    const { uid: owner, mode } = statSync(secret);
    stage.note(
      secret,
      `uid ${owner}, mode ${(mode & 0o777).toString(8)}`,
      "user_namespaces(7): an owner without a mapping shows as 65534, and capabilities do not reach it",
    );
    stage.enter(running);
    stage.end(running);
    const output = running.output();
    stage.check("uid 0 inside is 100000 outside", /^0\s+100000\s+65536$/.test(map) && uid.startsWith("100000") && output.startsWith("0\n"));
    stage.check("it has CAP_DAC_OVERRIDE", (BigInt(`0x${capabilities || "0"}`) & (1n << CAP_DAC_OVERRIDE)) !== 0n);
    stage.check("the owner is shown as 65534", owner === 0 && / 65534 65534 /.test(output));
    stage.check("it may not read the file", /cat ended with [1-9]/.test(output) && !output.includes("precious"));
  },
  why: "File permissions are checked with the ids outside. A capability in a user namespace counts for a file only if the file's owner and group are mapped there (capabilities(7), user_namespaces(7)). An id without a mapping is shown as the overflow id, /proc/sys/kernel/overflowuid, 65534.",
  fix: "chown the volume to the mapped id (here 100000), or mount it with an id mapping (mount_setattr(2), MOUNT_ATTR_IDMAP; `idmap` in podman and kubernetes). /proc/PID/uid_map of a process inside says which ids there are.",
};
