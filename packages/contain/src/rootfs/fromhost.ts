// A small root file system from programs of this host, without a download.

import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Context, readBinary, sayStep } from "@contain-tools/chain";
import { codeOf, exit } from "@contain-tools/kernel";

const DIRECTORIES = ["bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin", "var/tmp"];
/** Directories that are not 0755 on any host: everybody's (sticky), root's own, and those that a mount will cover. */
const MODES = { tmp: 0o1777, "var/tmp": 0o1777, root: 0o700, proc: 0o555, sys: 0o555 } as const;
const PROGRAMS = [
  "sh",
  "cat",
  "chmod",
  "cp",
  "cut",
  "date",
  "df",
  "dd",
  "echo",
  "env",
  "false",
  "grep",
  "head",
  "hostname",
  "id",
  "kill",
  "ls",
  "mkdir",
  "mount",
  "mv",
  "nproc",
  "ps",
  "pwd",
  "readlink",
  "rm",
  "sed",
  "sleep",
  "sort",
  "stat",
  "tail",
  "test",
  "touch",
  "tr",
  "true",
  "tty",
  "uname",
  "wc",
  "whoami",
];

/** Makes the directories, the programs, and an /etc with root in it. */
export function makeRootfs(context: Context, dir: string): never {
  context.verbose = true;
  process.umask(0o022); // every user of a container may read the files
  for (const name of DIRECTORIES) makeDirectory(join(dir, name));
  for (const [name, mode] of Object.entries(MODES)) chmodSync(join(dir, name), mode);
  const busybox = findStaticBusybox();
  if (busybox === undefined) copyPrograms(context, dir);
  else installBusybox(context, dir, busybox);
  writeFileSync(join(dir, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  for (const name of ["hosts", "resolv.conf"]) writeFileSync(join(dir, "etc", name), ""); // mount points for `contain run --net veth`
  writeFileSync(join(dir, "etc/group"), "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n");
  return exit(0);
}

/** mkdirSync with `recursive` tries for ever if a parent exists and takes no directories: /proc/x (Node 20). */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    if (codeOf(error) !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeDirectory(dirname(path));
    mkdirSync(path);
  }
}

function find(program: string): string | undefined {
  const dirs = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return dirs.map((dir) => join(dir, program)).find((path) => path.startsWith("/") && existsSync(path));
}

/** busybox without PT_INTERP needs no library. */
function findStaticBusybox(): string | undefined {
  const path = find("busybox");
  if (path === undefined) return undefined;
  const binary = readBinary(realpathSync(path));
  return binary?.kind === "elf" && binary.interpreter === undefined ? path : undefined;
}

function installBusybox(context: Context, dir: string, busybox: string): void {
  sayStep(context, `busybox from ${busybox} (static)`);
  copyFileSync(busybox, join(dir, "bin/busybox"));
  for (const applet of outputOf(busybox, "--list")
    .split("\n")
    .filter((name) => name && name !== "busybox"))
    symlinkSync("busybox", join(dir, "bin", applet));
}

/** Programs of the host, each with the libraries that its loader names (ldd). */
function copyPrograms(context: Context, dir: string): void {
  const found = PROGRAMS.flatMap((name) => find(name) ?? []);
  sayStep(context, `no static busybox here: ${found.length} programs of this host and their libraries`);
  const libraries = new Set<string>();
  for (const program of found) {
    copyFileSync(program, join(dir, "bin", program.slice(program.lastIndexOf("/") + 1)));
    for (const [path] of outputOf("ldd", program).matchAll(/\/[^\s)]+/g)) libraries.add(path);
  }
  for (const library of libraries) {
    makeDirectory(join(dir, dirname(library)));
    copyFileSync(library, join(dir, library));
  }
}

/** node:child_process takes 8 ms to load, which `contain run` need not pay. */
function outputOf(program: string, word: string): string {
  const { spawnSync } = createRequire(import.meta.filename)("node:child_process") as typeof import("node:child_process");
  return spawnSync(program, [word], { encoding: "utf8" }).stdout ?? "";
}
