// Errors of calls: who has the port, what refuses a privilege, which limit a user has reached; and what only looks so.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { elf } from "../helpers/elf.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-calls");
const rootfs = makeRootfs(dir);
for (const [name, content] of [
  ["foreign", elf({ foreign: true })],
  ["faults", "#!/bin/sh\nkill -SEGV $$\n"],
] as const) {
  writeFileSync(join(rootfs, "bin", name), content);
  chmodSync(join(rootfs, "bin", name), 0o755);
}
mkdirSync(join(rootfs, "etc"), { recursive: true });
writeFileSync(join(rootfs, "etc/resolv.conf"), "nameserver 127.0.0.53\n");

const uncertain = true;
const rows: readonly Row[] = [
  {
    name: "port",
    status: 1,
    code: "hint-port-in-use",
    unlike: ["port-free", "port-low"],
    uncertain,
    says: /there perl \(PID \d+\) has port \d+\/tcp on 0\.0\.0\.0/,
  },
  {
    name: "port-own",
    status: 1,
    code: "hint-port-in-use",
    unlike: ["port-free", "port-low"],
    uncertain,
    says: /its network namespace is its own, so another process of the container/,
  },
  { name: "port-free", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  {
    name: "port-low",
    status: 1,
    code: "hint-port-denied",
    unlike: ["port", "denied"],
    uncertain,
    says: /ports below \d+ need CAP_NET_BIND_SERVICE, which the program did not have/,
  },
  {
    name: "port-userns",
    status: 1,
    code: "hint-port-denied",
    unlike: ["port", "denied"],
    uncertain,
    says: /in the user namespace of the network, which is the host's/,
  },
  { name: "mknod", status: 1, code: "hint-privilege", unlike: ["mknod-may", "nodev"], uncertain, says: /had no CAP_MKNOD/ },
  {
    name: "mknod-userns",
    status: 1,
    code: "hint-privilege",
    unlike: ["mknod-may", "nodev"],
    uncertain,
    says: /the user namespace is the container's own, and this call wants CAP_MKNOD in the first one$/,
  },
  { name: "mknod-may", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  {
    name: "nodev",
    status: 1,
    code: "hint-permission",
    unlike: ["mknod", "abroad"],
    uncertain,
    says: /\/tmp\/null is a device node, and the mount \/tmp has nodev/,
  },
  { name: "mount", status: 1, code: "hint-privilege", unlike: ["mknod-may", "denied"], uncertain, says: /had no CAP_SYS_ADMIN/ },
  { name: "setuid", status: 1, code: "hint-privilege", unlike: ["mknod-may", "denied"], uncertain, says: /had no CAP_SETUID/ },
  {
    name: "denied",
    status: 1,
    code: "hint-permission",
    unlike: ["port-low", "abroad"],
    uncertain,
    says: /\/root-only may not be read or written by the user 1000:1000: mode 0600, owner 0:0/,
  },
  {
    name: "denied-above",
    status: 1,
    code: "hint-permission",
    unlike: ["port-low", "abroad"],
    uncertain,
    says: /may not search the directory \/closed, through \/way -> closed\/deep, mode 0700/,
  },
  { name: "abroad", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  {
    name: "nproc",
    status: 2,
    code: "hint-nproc-limit",
    unlike: ["nproc-room", "files"],
    uncertain,
    says: /RLIMIT_NPROC is what is left: the user 4321 may have 3 processes/,
  },
  {
    name: "nproc-init",
    status: 2,
    code: "hint-nproc-limit",
    unlike: ["nproc-room", "nproc-root"],
    uncertain,
    says: /user 4322 may have 3/,
  },
  {
    name: "nproc-look",
    status: 1,
    code: "hint-nproc-limit",
    unlike: ["nproc-room", "files-look"],
    uncertain,
    says: /the user of sh \(PID \d+\) had 4 of 4 processes/,
  },
  {
    name: "files-look",
    status: 1,
    code: "hint-open-files",
    unlike: ["files-room", "nproc-look"],
    uncertain,
    says: /sh \(PID \d+\) had 12 of 12 files open/,
  },
  { name: "files-room", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  { name: "tty", status: 1, code: "hint-permission", unlike: ["success", "nproc-look"], uncertain, says: /\/root-only may not be read/ },
  { name: "nproc-room", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  { name: "nproc-root", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  {
    name: "files",
    status: 1,
    code: "hint-open-files",
    unlike: ["nproc", "abroad"],
    uncertain,
    says: /RLIMIT_NOFILE of the process was reached, 9/,
  },
  {
    name: "resolver",
    status: 1,
    code: "hint-no-resolver",
    unlike: ["abroad", "port-own"],
    uncertain,
    says: /its resolv.conf names 127.0.0.53, which is the container's own loopback/,
  },
  {
    name: "foreign",
    status: 127,
    code: "hint-exec-wrong-architecture",
    unlike: ["gone", "env-gone"],
    uncertain,
    says: /sh tried \/bin\/foreign: it is a program for/,
  },
  {
    name: "env-foreign",
    status: 127,
    code: "hint-exec-wrong-architecture",
    unlike: ["gone", "env-gone"],
    uncertain,
    says: /tried \/mnt\/foreign/,
  },
  {
    name: "gone",
    status: 127,
    code: "hint-not-found",
    unlike: ["foreign", "said-gone"],
    uncertain,
    says: /tried nosuch, which is not there/,
  },
  {
    name: "seccomp",
    status: 1,
    code: "hint-privilege",
    unlike: ["mknod-may", "denied"],
    uncertain,
    says: /: a seccomp filter is loaded, and refuses calls with EPERM/,
  },
  {
    name: "two-reasons",
    status: 1,
    code: "hint-privilege",
    unlike: ["mknod-may", "denied"],
    uncertain,
    says: /cannot tell which: the program had no CAP_SYS_ADMIN .*; a seccomp filter/,
  },
  { name: "su", status: 1, code: "hint-no-new-privs", unlike: ["su-may", "seccomp"], uncertain, says: /no_new_privs was set/ },
  { name: "su-may", status: 1, code: "exit", unlike: ["success", "shell-11"] },
  { name: "env-gone", status: 127, code: "hint-not-found", unlike: ["env-foreign", "said-gone"], uncertain, says: /tried nosuch/ },
  {
    name: "gone-1",
    status: 1,
    code: "hint-not-found",
    unlike: ["said-gone", "abroad"],
    uncertain,
    says: /sh tried nosuch, which is not there/,
  },
  { name: "said-gone", status: 127, code: "exit", unlike: ["success", "shell-11"] },
  {
    name: "library",
    status: 127,
    code: "hint-missing-library",
    unlike: ["gone", "said-gone"],
    uncertain,
    says: /did not find libnone\.so\.1 for \/bin\/app/,
  },
  { name: "shell-11", status: 139, code: "exit-above-128", unlike: ["library", "gone"], says: /when SIGSEGV killed a program/ },
];

const script = `
  touch "$ROOTFS/root-only"; chmod 600 "$ROOTFS/root-only"
  mkdir -p "$ROOTFS/closed/deep"; touch "$ROOTFS/closed/deep/x"; chmod 700 "$ROOTFS/closed"; ln -s closed/deep "$ROOTFS/way"
  coproc HOLDER { exec perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "0.0.0.0", ReuseAddr => 1); print $s->sockport, "\\n"; <STDIN>'; }
  read -r port <&"\${HOLDER[0]}"
  d port sh -c "nc -l -p $port; exit 1"
  kill $HOLDER_PID; wait $HOLDER_PID
  d port-free sh -c "timeout -s KILL 1 nc -l -p $port; exit 1"
  d port-own --net none sh -c 'nc -l -p 8080 & sleep 0.3; nc -l -p 8080; exit 1'
  d port-low --user 1000:1000 sh -c 'nc -l -p 81; exit 1'
  d mknod --user 1000:1000 --tmpfs /tmp sh -c 'mknod /tmp/null c 1 3; exit 1'
  d mknod-may --tmpfs /tmp sh -c 'mknod /tmp/null c 1 3; exit 1'
  d nodev --tmpfs /tmp sh -c 'mknod /tmp/null c 1 3; cat /tmp/null; exit 1'
  d mount --user 1000:1000 sh -c 'mount -t tmpfs none /tmp; exit 1'
  d setuid --user 1000:1000 sh -c 'echo "su: setuid: Operation not permitted" >&2; exit 1'
  d denied --user 1000:1000 sh -c 'cat /root-only; exit 1'
  d denied-above --user 1000:1000 sh -c 'cat /way/x; exit 1'
  d abroad --user 1000:1000 sh -c 'echo "scp: /home/me/.ssh/x: Permission denied" >&2; echo "me@host: Permission denied (publickey,password)." >&2; exit 1'
  d nproc --user 4321:4321 --ulimit nproc=3 sh -c 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; exit 1'
  d nproc-init --init --user 4322:4322 --ulimit nproc=3 --volume "$PWD:/tmp" sh -c 'until [ -e /tmp/go ]; do sleep 0.02; done; sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; exit 1'
  d nproc-room --user 4323:4323 --ulimit nproc=30 sh -c 'sleep 0.1 & sleep 0.1 & wait; exit 1'
  d nproc-root --ulimit nproc=3 sh -c 'sleep 0.1 & sleep 0.1 & sleep 0.1 & sleep 0.1 & wait; exit 1'
  d files --ulimit nofile=9 sh -c 'exec 3</ 4</ 5</ 6</ 7</ 8</; cat /etc/resolv.conf; exit 1'
  # In the foreground: what the supervisor has seen, and on a terminal what it has passed on.
  v nproc-look --user 4324:4324 --ulimit nproc=4 sh -c 'sleep 9 & sleep 9 & sleep 3; exit 1' &
  v files-look --ulimit nofile=12 sh -c 'exec 3</ 4</ 5</ 6</ 7</ 8</ 9</; ls -l /proc/self/fd >/dev/null; exec 10</dev/null 11</dev/null; read -t 3 x </dev/zero; sleep 3; exit 1' &
  v files-room --ulimit nofile=30 sh -c 'exec 3</ 4</ 5</; sleep 3; exit 1' &
  echo "exec contain run --quiet --tty --json report-tty --rootfs $ROOTFS --user 1000:1000 sh -c 'cat /root-only; exit 1'" >run-tty
  script -qfec "sh run-tty" /dev/null </dev/null >/dev/null 2>&1 || true; tell tty
  d resolver --net none sh -c 'ping -c 1 -W 1 some.example; exit 1'
  d foreign sh -c 'true; foreign; exit $?'
  ROOTFS=/ d env-foreign --volume "$ROOTFS/bin:/mnt" env PATH=/mnt foreign
  d gone sh -c 'true; nosuch; exit $?'
  d su --user 1000:1000 --security-opt no-new-privileges sh -c 'echo "su: must be suid to work properly" >&2; exit 1'
  d su-may --user 1000:1000 sh -c 'echo "su: must be suid to work properly" >&2; exit 1'
  d seccomp --confine sh -c 'unshare -U true; exit 1'
  d two-reasons --confine sh -c 'mount -t tmpfs none /tmp; exit 1'
  d gone-1 sh -c 'nosuch | cat; exit 1'
  d env-gone env nosuch
  d said-gone sh -c 'echo "true; nosuch"; exit 127'
  d library sh -c 'echo "/bin/app: error while loading shared libraries: libnone.so.1: cannot open shared object file: No such file or directory" >&2; exit 127'
  d shell-11 sh -c 'faults; exit $?'
  d success true
  wait
  mkdir own; chown 65534 own; chmod a+rx .
  contain() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp XDG_RUNTIME_DIR=$PWD/own contain "$@"; }
  d mknod-userns --tmpfs /tmp sh -c 'mknod /tmp/null c 1 3; exit 1'
  d port-userns sh -c 'nc -l -p 81; exit 1'
`;

stageAll("calls that fail", { rootfs, dir, script, rows, needs: ["perl", "setpriv", "script"] });
