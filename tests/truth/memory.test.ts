// Faults, abort(3) and what they look like; a tmpfs that was full at the end, however short the program lived.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-memory");
const rootfs = makeRootfs(dir);

const PROGRAM = `
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int count, char **words) {
  if (!strcmp(words[1], "abort")) abort();
  if (!strcmp(words[1], "null")) *(volatile int *)0 = 1;
  int fd = open("/tmp/map", O_RDWR | O_CREAT, 0600);
  int size = 1 << 20;
  ftruncate(fd, !strcmp(words[1], "cut") ? 4096 : size);
  char *map = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  for (int i = 0; i < size; i += 4096) map[i] = 1;
  return 0;
}
`;

const rows: readonly Row[] = [
  {
    name: "abort",
    status: 139,
    code: "signal-fault-or-abort",
    unlike: ["null", "init-abort"],
    uncertain: true,
    says: /by abort\(3\).*cannot tell/,
  },
  { name: "null", status: 139, code: "signal-fault", unlike: ["abort", "cut"] },
  { name: "deep", status: 139, code: "hint-stack-full", unlike: ["null", "abort"], uncertain: true, says: /its stack was full/ },
  { name: "init-abort", status: 134, code: "signal-cannot-tell", unlike: ["null", "abort"], uncertain: true, says: /abort\(3\)/ },
  {
    name: "bus-full",
    status: 135,
    code: "hint-tmpfs-full",
    unlike: ["cut", "room"],
    uncertain: true,
    says: /on \/tmp was full at the end, 64K/,
  },
  { name: "cut", status: 135, code: "signal-cannot-tell", unlike: ["null", "room"], uncertain: true },
  { name: "short", status: 1, code: "hint-tmpfs-full", unlike: ["room", "cut"], uncertain: true, says: /\/tmp was full at the end/ },
  { name: "inodes", status: 1, code: "hint-tmpfs-full", unlike: ["room", "emptied"], uncertain: true, says: /\/tmp had no inode left/ },
  {
    name: "own-mount",
    status: 1,
    code: "hint-tmpfs-full",
    unlike: ["room", "emptied"],
    uncertain: true,
    says: /\/mnt was full at the end/,
  },
  { name: "emptied", status: 1, code: "exit", unlike: ["abort", "null"] },
  { name: "room", status: 1, code: "exit", unlike: ["abort", "null"] },
];

const script = `
  v abort /bin/faulty abort
  v null /bin/faulty null
  v deep sh -c 'f() { f; }; f'
  v init-abort --init /bin/faulty abort
  v bus-full --tmpfs /tmp:64K /bin/faulty full
  v cut --tmpfs /tmp /bin/faulty cut
  v short --tmpfs /tmp:64K dd if=/dev/zero of=/tmp/x bs=1M count=1
  v inodes --mount type=tmpfs,target=/tmp,tmpfs-size=64M sh -c 'mount -t tmpfs -o nr_inodes=3 none /tmp; touch /tmp/a /tmp/b /tmp/c; sleep 3; touch /tmp/d; exit 1' &
  v own-mount sh -c 'mount -t tmpfs -o size=64K none /mnt; sleep 3; dd if=/dev/zero of=/mnt/x bs=1M count=1' &
  v emptied --tmpfs /tmp:64K sh -c 'dd if=/dev/zero of=/tmp/x bs=1M count=1; rm /tmp/x; exit 1'
  v room --tmpfs /tmp:64K sh -c 'dd if=/dev/zero of=/tmp/x bs=32K count=1; exit 1'
  wait
`;

const needed = need("root", "gcc");
if (needed.skip === undefined) {
  const source = join(dir, "faulty.c");
  writeFileSync(source, PROGRAM);
  const { status, stderr } = run(["gcc", "-static", "-O0", "-w", "-o", join(rootfs, "bin/faulty"), source]);
  if (status !== 0) throw new Error(stderr);
  run(["mkdir", "-p", join(rootfs, "mnt")]);
}
stageAll("memory and what is kept in it", { rootfs, dir, script, rows, needs: ["gcc"] });
