// A Debian of its own, with dpkg, man and systemd, from the packages that are installed on this machine: their files and dpkg's notes on them.
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, sh } from "./run.ts";

const PACKAGES =
  "base-files base-passwd bash coreutils dash diffutils dpkg findutils grep gzip hostname libc-bin man-db procps sed systemd tar util-linux";

/** Makes it in `rootfs`, which is new. */
export function makeDebian(rootfs: string): void {
  const list = sh(
    `apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances ${PACKAGES} | grep '^[a-z0-9]' | sort -u`,
  )
    .stdout.split("\n")
    .filter(Boolean);
  for (const dir of [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "etc",
    "var/lib/dpkg/info",
    "var/lib/dpkg/updates",
    "proc",
    "dev",
    "sys",
    "tmp",
    "run",
    "root",
  ])
    mkdirSync(join(rootfs, dir), { recursive: true });
  for (const dir of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${dir}`, join(rootfs, dir));
  const packed = sh(
    `{ dpkg-query -L ${list.join(" ")} | grep '^/[^.]' | sort -u | while read -r f; do [ -d "$f" ] && [ ! -h "$f" ] || [ ! -e "$f" ] || echo "$f"; done; find /etc/alternatives /etc/ld.so.cache; } |
     tar -C / --no-recursion -cf - -T - 2>/dev/null | tar -C ${rootfs} --keep-directory-symlink -xf -`,
  );
  if (packed.status !== 0) throw new Error(packed.stderr);
  for (const name of ["passwd", "group"]) copyFileSync(`/usr/share/base-passwd/${name}.master`, join(rootfs, "etc", name));
  const names = list.map((name) => name.replace(/:.*/, ""));
  writeFileSync(join(rootfs, "var/lib/dpkg/status"), run(["dpkg-query", "-s", ...list]).stdout.replaceAll("\n\nPackage:", "\n\nPackage:"));
  for (const file of readdirSync("/var/lib/dpkg/info"))
    if (names.includes(file.replace(/(:\w+)?\.\w+$/, "")))
      copyFileSync(`/var/lib/dpkg/info/${file}`, join(rootfs, "var/lib/dpkg/info", file));
}
