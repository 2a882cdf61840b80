// --mask: what docker hides in /proc and /sys, and what it makes read-only there.
import {
  cloneTree,
  close,
  fdPath,
  fstat,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  makeReadOnly,
  moveMount,
  newMount,
  O_NOFOLLOW,
  O_PATH,
  open,
  openInRoot,
  openInRootIfThere,
  readdir,
  restrictMount,
  statfs,
  ToolError,
} from "@contain-tools/kernel";

const PLACES = [
  {
    top: "/proc",
    type: 0x9fa0, // PROC_SUPER_MAGIC (statfs(2))
    hidden: "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats".split(" "),
    readOnly: "bus fs irq sys sysrq-trigger".split(" "),
  },
  {
    top: "/sys",
    type: 0x62656572, // SYSFS_MAGIC
    hidden: ["firmware", "devices/virtual/powercap"],
    readOnly: [],
  },
] as const;
const CPUS = "devices/system/cpu";

/**
 * Hides and protects these in the /proc and /sys of a root. Anything there that is not a procfs or sysfs has nothing of the kernel to hide.
 */
export function maskKernelFiles(root: number): void {
  const none = openNull();
  for (const { top, type, hidden, readOnly } of PLACES) {
    const place = openInRootIfThere(root, top);
    if (place === undefined) continue;
    if (statfs(fdPath(place)).type === type) {
      for (const path of [...hidden, ...(top === "/sys" ? throttlePaths(place) : [])]) hide(place, top, path, none);
      for (const path of readOnly) protect(place, path);
    }
    close(place);
  }
  close(none);
}

/** The paths that --mask hides, and those that it makes read-only. */
export const kernelFiles = (): { readonly masked: readonly string[]; readonly readOnly: readonly string[] } => ({
  masked: PLACES.flatMap(({ top, hidden }) => hidden.map((path) => `${top}/${path}`)),
  readOnly: PLACES.flatMap(({ top, readOnly }) => readOnly.map((path) => `${top}/${path}`)),
});

/** Hides `masked` and makes `readOnly` read-only, wherever they are in the root; missing ones are skipped. */
export function maskPaths(root: number, masked: readonly string[], readOnly: readonly string[]): void {
  const none = masked.length === 0 ? -1 : openNull();
  for (const path of masked) hide(root, "", path.replace(/^\/+/, ""), none);
  for (const path of readOnly) protect(root, path);
  if (none !== -1) close(none);
}

/**
 * The host's /dev/null; an attacker could have put something else there, which would then appear in place of each hidden file
 * (CVE-2025-31133).
 */
function openNull(): number {
  const fd = open("/dev/null", O_PATH | O_NOFOLLOW);
  checkNull(fd, "/dev/null on the host");
  return fd;
}

function checkNull(fd: number, what: string): void {
  const stat = fstat(fd);
  if (!stat.isCharacterDevice() || stat.rdev !== 1 * 256 + 3) throw new ToolError(`--mask: ${what} is not the character device 1:3`);
}

/** How often each CPU overheated reveals what the neighbours do. */
function throttlePaths(sys: number): string[] {
  const cpus = openInRootIfThere(sys, CPUS);
  if (cpus === undefined) return [];
  const names = readdir(fdPath(cpus)).filter((name) => /^cpu\d+$/.test(name));
  close(cpus);
  return names.map((name) => `${CPUS}/${name}/thermal_throttle`);
}

function hide(place: number, top: string, path: string, none: number): void {
  const target = openInRootIfThere(place, path);
  if (target === undefined) return;
  const directory = fstat(target).isDirectory();
  const cover = directory
    ? newMount("tmpfs", { source: "tmpfs", mode: "755", size: "4k" }, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    : cloneTree(none);
  moveMount(cover, target);
  restrictMount(cover, MS_RDONLY, true, MS_PRIVATE); // otherwise root inside could change the mode of the host's own /dev/null
  close(cover);
  close(target);
  if (directory) return;
  const seen = openInRoot(place, path);
  checkNull(seen, `${top}/${path} inside`);
  close(seen);
}

function protect(place: number, path: string): void {
  const target = openInRootIfThere(place, path);
  if (target === undefined) return;
  const copy = cloneTree(target);
  moveMount(copy, target);
  makeReadOnly(copy);
  close(copy);
  close(target);
}
