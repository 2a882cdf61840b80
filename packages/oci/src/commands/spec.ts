// spec: a config.json to start from.
import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { OciError } from "../failure.ts";
import type { OciCommand } from "../program.ts";

export const spec: OciCommand = {
  name: "spec",
  about: "write a config.json to start from",
  operands: "",
  options: { bundle: "value", b: { short: "bundle" }, rootless: "flag" },
  run(words) {
    const file = `${resolve(words.value("bundle") ?? ".")}/config.json`;
    if (existsSync(file)) throw new OciError(`file ${file} exists: remove it first`);
    writeFileSync(file, `${JSON.stringify(example(), undefined, 2)}\n`);
    return 0;
  },
};

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const mount = (destination: string, type: string, source: string, ...options: string[]) => ({ destination, type, source, options });

const example = () => ({
  ociVersion: "1.3.0",
  process: {
    terminal: true,
    user: { uid: 0, gid: 0 },
    args: ["sh"],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    cwd: "/",
    capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  },
  root: { path: "rootfs", readonly: true },
  hostname: "contain",
  mounts: [
    mount("/proc", "proc", "proc"),
    mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
    mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
    mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
    mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
  ],
  linux: {
    resources: { devices: [{ allow: false, access: "rwm" }] },
    namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
    maskedPaths: ["acpi", "asound", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi"]
      .map((name) => `/proc/${name}`)
      .concat("/sys/firmware"),
    readonlyPaths: ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`),
  },
});
