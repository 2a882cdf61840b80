// Limits of the process itself, the network that is its own, the end of PID 1 by reboot(2), and last words in the foreground.
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-limits");
const rootfs = makeRootfs(dir);

const uncertain = true;
const rows: readonly Row[] = [
  { name: "as", status: 1, code: "hint-memory-limit", unlike: ["as-room", "fsize"], uncertain, says: /RLIMIT_AS, 16M at its end/ },
  { name: "as-room", status: 1, code: "hint-no-memory", unlike: ["as", "fsize"], uncertain, says: /were not set.*--memory ends processes/ },
  { name: "fsize", status: 1, code: "hint-file-size", unlike: ["as", "foreground"], uncertain, says: /RLIMIT_FSIZE was 4K/ },
  { name: "xcpu", status: 152, code: "signal-cannot-tell", unlike: ["fsize", "fault"], uncertain, says: /RLIMIT_CPU, which was not set/ },
  {
    name: "refused",
    status: 1,
    code: "hint-nobody-listens",
    unlike: ["refused-abroad", "route"],
    uncertain,
    says: /is the container itself/,
  },
  { name: "refused-trace", status: 1, code: "hint-nobody-listens", unlike: ["refused-abroad", "route"], uncertain },
  { name: "refused-abroad", status: 1, code: "exit", unlike: ["reboot", "fault"] },
  { name: "route", status: 1, code: "hint-no-route", unlike: ["refused", "refused-abroad"], uncertain, says: /has no route there/ },
  { name: "halt", status: 130, code: "ended-by-reboot", unlike: ["exit-130", "reboot-denied"], says: /PID 1 \(\w+\) was ended.* to halt/ },
  { name: "reboot", status: 129, code: "ended-by-reboot", unlike: ["exit-130", "reboot-denied"], says: /PID 1 \(pid1\).* to restart/ },
  { name: "reboot-denied", status: 1, code: "exit", unlike: ["reboot", "halt"] },
  { name: "exit-130", status: 130, code: "exit-above-128", unlike: ["halt", "reboot"] },
  { name: "init", status: 137, code: "killed-from-outside", unlike: ["behind", "exit-130"], says: /^PID 1 \(pid1\)/ },
  { name: "behind", status: 137, code: "killed-by-somebody", unlike: ["init", "exit-130"], says: /^the program \(sh\)/ },
  {
    name: "raised",
    status: 138,
    code: "signal-cannot-tell",
    unlike: ["sent", "fault"],
    uncertain,
    says: /after one that did not end it at once/,
  },
  {
    name: "kill-raised",
    status: 138,
    code: "signal-cannot-tell",
    unlike: ["sent", "fault"],
    uncertain,
    says: /which contain sent: SIGUSR1/,
  },
  { name: "sent", status: 138, code: "signal-forwarded", unlike: ["raised", "kill-raised"] },
  {
    name: "no-log",
    status: 139,
    code: "signal-cannot-tell",
    unlike: ["fault", "sent"],
    uncertain,
    says: /\/dev\/kmsg: it is another file/,
  },
  { name: "fault", status: 139, code: "exit-above-128", unlike: ["xcpu", "halt"] },
  {
    name: "nobodys",
    status: 1,
    code: "hint-permission",
    unlike: ["somebodys", "nobodys-program"],
    uncertain,
    says: /owner 65534:65534, which stands for an owner that is not mapped by its idmapped mount/,
  },
  { name: "somebodys", status: 1, code: "exit", unlike: ["halt", "reboot"] },
  {
    name: "nobodys-program",
    status: 126,
    code: "exec-not-for-user",
    unlike: ["nobodys", "somebodys"],
    says: /not for the user 0:0 to execute, which stands for an owner that is not mapped/,
  },
  {
    name: "foreground",
    status: 1,
    code: "hint-read-only",
    unlike: ["foreground-old", "fsize"],
    uncertain,
    says: /\/x lies on the mount \//,
  },
  { name: "foreground-old", status: 1, code: "exit", unlike: ["halt", "reboot"] },
  { name: "foreground-cut", status: 1, code: "hint-read-only", unlike: ["foreground-old", "fsize"], uncertain, says: /\/y lies on/ },
];

const script = `
  d as --ulimit as=16777216 sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; exit 1'
  d as-room sh -c 'echo "dd: out of memory" >&2; exit 1'
  d fsize --tmpfs /tmp --ulimit fsize=4096 dd if=/dev/zero of=/tmp/x bs=8192 count=2
  d xcpu --init --volume "$PWD:/tmp" sh -c 'until [ -e /tmp/go ]; do sleep 0.02; done; kill -XCPU $$'
  d refused --net none nc 127.0.0.1 9
  d refused-trace --net none sh -c 'printf "Error: connect ECONNREFUSED 127.0.0.1:9\\n    at f (node:net:1)\\n    at g (node:net:2)\\n    at h (node:net:3)\\n  code: 1,\\n  port: 9\\n}\\n\\nNode.js v20.20.2\\n" >&2; exit 1'
  d refused-abroad --net none sh -c 'echo "curl: (7) Failed to connect to 192.0.2.1 port 9: Connection refused" >&2; exit 1'
  d route --net none nc 192.0.2.1 9
  # Only in a PID namespace of its own: elsewhere it is this machine's end.
  d halt sh -c '[ $$ != 1 ] || poweroff -f'
  d reboot --init sh -c '[ $$ -gt 9 ] || reboot -f'
  d reboot-denied --confine sh -c 'reboot -f; exit 1'
  d exit-130 sh -c 'exit 130'
  h init --init sh -c "$waits"; kill -9 $pid; ended
  h behind --init sh -c "$waits"; kill -9 $(<"/proc/$pid/task/$pid/children"); ended
  h raised --init sh -c "trap 'trap - USR1; kill -USR1 \\$\\$' USR1; $waits"; kill -USR1 $held; ended
  h kill-raised --ns uts sh -c "trap 'trap - USR1; kill -USR1 \\$\\$' USR1; $waits"; contain kill $(<id) USR1; ended
  h sent --init sh -c "$waits"; kill -USR1 $held; ended
  d fault sh -c 'exit 139'
  mount --bind /dev/null /dev/kmsg; v no-log --init sh -c 'kill -SEGV $$'; umount /dev/kmsg
  # Through an idmapped mount, a file of an owner beyond its map.
  echo containers:2415919104:65536 >ids; mount --bind ids /etc/subuid; mount --bind ids /etc/subgid
  for file in nobodys somebodys; do cp "$ROOTFS/bin/busybox" "$ROOTFS/$file"; chmod 700 "$ROOTFS/$file"; done
  chown 4000000:4000000 "$ROOTFS/nobodys"
  d nobodys --userns auto sh -c 'cat /nobodys >/dev/null; exit 1'
  d somebodys --userns auto sh -c 'cat /somebodys >/dev/null; exit 1'
  v nobodys-program --userns auto /nobodys
  # In the foreground, standard error is a file that may have something in it already.
  f() {
    local name=$1
    shift
    contain run --json "report-$name" --rootfs "$ROOTFS" "$@" >>output 2>&1 </dev/null
    tell "$name"
  }
  echo "sh: can't create /z: Read-only file system" >output
  f foreground-old sh -c 'exit 1'
  f foreground sh -c 'touch /x; exit 1'
  f foreground-cut sh -c ': >/dev/stderr; touch /y; exit 1'
`;

stageAll("limits of its own", { rootfs, dir, script, rows });
