// features: what this runtime can do, in the specification's form (features.md).

import { print } from "../output.ts";
import type { OciCommand } from "../program.ts";
import { FIELDS } from "../spec/fields.ts";
import { HOOK_KINDS } from "../spec/spec.ts";

const done = (field: string) => FIELDS.get(field)?.what === "done";

export const features: OciCommand = {
  name: "features",
  about: "what this runtime can do, as JSON",
  operands: "",
  options: {},
  run() {
    const shown = {
      ociVersionMin: "1.0.0",
      ociVersionMax: "1.3.0",
      hooks: HOOK_KINDS,
      mountOptions: mountOptions(),
      linux: {
        namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
        cgroup: { v1: false, v2: true, systemd: false, systemdUser: false, rdma: true },
        seccomp: { enabled: true },
        apparmor: { enabled: done("process.apparmorProfile") },
        selinux: { enabled: done("process.selinuxLabel") },
        intelRdt: { enabled: done("linux.intelRdt.closID") },
        memoryPolicy: { enabled: done("linux.memoryPolicy.mode") },
        netDevices: { enabled: done("linux.netDevices{}") },
        mountExtensions: { idmap: { enabled: done("mounts[].uidMappings[]") } },
      },
    };
    print(`${JSON.stringify(shown, undefined, 2)}\n`);
    return 0;
  },
};

function mountOptions(): string[] {
  const recursive = "ro rw nosuid suid nodev dev noexec exec noatime relatime strictatime nodiratime diratime nosymfollow symfollow";
  const others =
    "async bind dirsync mand private rprivate rbind remount shared rshared slave rslave sync unbindable runbindable tmpcopyup defaults lazytime";
  const both = recursive.split(" ");
  return [...others.split(" "), ...both, ...both.map((name) => `r${name}`)].sort();
}
