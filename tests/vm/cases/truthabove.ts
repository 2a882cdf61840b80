// The OOM killer where the limit is a grandparent's, and where the memory is page cache that can be had back.
import { checkRows, FUNCTIONS, type Row, readReports } from "../../helpers/verdict.ts";
import type { Case } from "../machine.ts";

const STAGED = `
  hog="dd if=/dev/zero of=/dev/null bs=100M count=1"
  truncate -s 100M "$ROOTFS/tmp/big"
  cgset --name top --memory 32M
  echo +memory >$cg/top/cgroup.subtree_control; mkdir $cg/top/mid; echo +memory >$cg/top/mid/cgroup.subtree_control
  # Below top/mid/contain-ID: the parent can be seen, the grandparent only with \`whole\`.
  under() {
    unshare -m bash -c 'mount --bind '$cg/$1' '$cg'; name=$1; shift; contain run --quiet --json "report-$name" --rootfs "$ROOTFS" "$@"' - "\${@:2}" >/dev/null 2>&1 </dev/null
    tell "$2"
  }
  under top/mid grandparent --memory 64M -- $hog
  echo 24M >$cg/top/mid/memory.max
  under top/mid parent --memory 64M -- $hog
  rmdir $cg/top/mid; cgset --name top --rm
  v cache --memory 32M -- /bin/sh -c 'dd if=/tmp/big of=/dev/null bs=1M; exit 1'
  v cache-kept --memory 32M --tmpfs /mnt -- dd if=/tmp/big of=/mnt/big bs=1M
  rm "$ROOTFS/tmp/big"
`;

const rows: readonly Row[] = [
  {
    name: "grandparent",
    status: 137,
    code: "oom-kill-ancestor-limit",
    unlike: ["cache", "cache-kept"],
    says: /the memory limit of the group \/top, above its own, was reached/,
  },
  {
    name: "parent",
    status: 137,
    code: "oom-kill-ancestor-limit",
    unlike: ["cache", "cache-kept"],
    says: /a group above its own was reached, 24M of/,
  },
  { name: "cache", status: 1, code: "exit", unlike: ["grandparent", "cache-kept"] },
  { name: "cache-kept", status: 137, code: "oom-kill-own-limit", unlike: ["cache", "parent"], says: /shmem/ },
];

export const truthAboveCases: readonly Case[] = [
  {
    name: "truth: a grandparent's limit, page cache",
    script: `${FUNCTIONS}${STAGED}`,
    check: ({ stdout }) => checkRows(rows, readReports(stdout)),
  },
];
