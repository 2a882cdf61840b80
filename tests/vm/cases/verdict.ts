// The verdict where it rests on counters of the group: the OOM killer, its look-alikes, pids.max; and with the counters made unreadable.
import { checkRows, FUNCTIONS, type Row, readReports } from "../../helpers/verdict.ts";
import type { Case } from "../machine.ts";

const STAGED = `
  hog="dd if=/dev/zero of=/dev/null bs=100M count=1"
  v own --memory 32M -- $hog
  v own-init --init --memory 32M -- $hog
  v own-group --memory 32M --oom-group -- /bin/sh -c "sleep 100 & $hog; echo never"
  v other-0 --memory 32M -- /bin/sh -c "$hog; true"
  v other-1 --memory 32M -- /bin/sh -c "$hog; exit 1"
  v other-137 --memory 32M -- /bin/sh -c "$hog; exit \\$?"
  v itself --memory 32M -- /bin/sh -c 'exit 137'
  v fits --memory 256M -- /bin/sh -c "$hog; exit 1"
  h outside --memory 32M -- /bin/sh -c "$waits"; kill -9 $pid; ended
  h cgroup-kill --memory 32M -- /bin/sh -c "$waits"; echo 1 >$group/cgroup.kill; ended
  h outside-after-oom --memory 32M -- /bin/sh -c "$hog; $waits"; kill -9 $pid; ended
  h grace --memory 32M --grace 1s -- /bin/sh -c "$waits"; kill -TERM $held; ends
  h machine --memory 256M -- /bin/sh -c "echo 1000 >/proc/self/oom_score_adj; $waits"; echo f >/proc/sysrq-trigger; ended
  v pids-own --pids 3 -- /bin/sh -c 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait'
  v pids-near --pids 3 -- /bin/sh -c 'sleep 0.1 & sleep 0.1 & wait; exit 2'
  cgset --name outer --memory 32M --pids 3
  below() {
    unshare -m bash -c 'mount --bind '$cg'/outer '$cg'; name=$1; shift; contain run --quiet --json "report-$name" --rootfs "$ROOTFS" "$@"' - "$@" >/dev/null 2>&1 </dev/null
    tell "$1"
  }
  below ancestor --memory 64M -- $hog
  below ancestor-only -- $hog
  below ancestor-other --memory 64M -- /bin/sh -c "$hog; exit 1"
  below own-below --memory 16M -- $hog
  below pids-ancestor --pids 50 -- /bin/sh -c 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait'
  cgset --name outer --rm
`;

const own = { status: 137, code: "oom-kill-own-limit" };

export const verdictRows: readonly Row[] = [
  { ...own, name: "own", unlike: ["ancestor-only", "outside"], says: /^PID 1 \(dd\) .* 32M of .* It held anon/ },
  { ...own, name: "own-init", unlike: ["itself", "grace"], says: /^the program \(dd\)/ },
  { ...own, name: "own-group", unlike: ["other-1", "cgroup-kill"], says: /^PID 1 \(sh\).* It went with all of \S+ \(memory.oom.group\)/ },
  { ...own, name: "own-below", unlike: ["ancestor-only", "machine"], says: / 16M of / },
  { name: "ancestor", status: 137, code: "oom-kill-ancestor-limit", unlike: ["own", "own-below"], says: / 32M of / },
  { name: "ancestor-only", status: 137, code: "oom-kill-ancestor-limit", unlike: ["machine", "own-init"], says: / 32M of / },
  { name: "ancestor-other", status: 1, code: "oom-other-ancestor-limit", unlike: ["other-1", "fits"], says: /^dd \(PID \d+\)/ },
  { name: "machine", status: 137, code: "oom-kill-machine", unlike: ["own", "outside"] },
  { name: "other-0", status: 0, code: "oom-other-own-limit", unlike: ["own", "fits"], says: /^dd \(PID \d+\)/ },
  { name: "other-1", status: 1, code: "oom-other-own-limit", unlike: ["fits", "own-init"] },
  { name: "other-137", status: 137, code: "exit-above-128", unlike: ["own", "outside"] },
  { name: "itself", status: 137, code: "exit-above-128", unlike: ["own-init", "grace"] },
  { name: "fits", status: 1, code: "exit", unlike: ["itself", "own"] },
  { name: "outside", status: 137, code: "killed-from-outside", unlike: ["own", "grace"] },
  { name: "cgroup-kill", status: 137, code: "killed-from-outside", unlike: ["own-group", "machine"] },
  { name: "outside-after-oom", status: 137, code: "killed-from-outside", unlike: ["own-group", "other-137"] },
  { name: "grace", status: 137, code: "killed-by-grace", unlike: ["outside", "cgroup-kill"], says: /after SIGTERM, from bash/ },
  {
    name: "pids-own",
    status: 2,
    code: "hint-pids-limit",
    unlike: ["pids-near", "fits"],
    uncertain: true,
    says: /by pids.max of \S*contain-\w+ \(3\)/,
  },
  { name: "pids-near", status: 2, code: "exit", unlike: ["own", "itself"] },
  { name: "pids-ancestor", status: 2, code: "hint-pids-limit", unlike: ["pids-near", "other-1"], uncertain: true },
];

/** The same, with one file of what they rest on covered. */
/** What is covered stays covered when its group has gone, so it is done in a mount namespace. */
const COVERED = `
  [ -n "\${INNER:-}" ] || INNER=1 exec unshare --mount --propagation private bash -u "$0"
  ${FUNCTIONS}
  hog="dd if=/dev/zero of=/dev/null bs=100M count=1"
  h events --memory 32M -- /bin/sh -c "$waits; exec $hog"; cover $group/memory.events; echo go >&"$to"; ended
  h local --memory 32M -- /bin/sh -c "$waits; exec $hog"; cover $group/memory.events.local; echo go >&"$to"; ended
  h stat --memory 32M -- /bin/sh -c "$waits"; cover /proc/$pid/stat; kill -9 $pid; ended
  h pids --pids 3 -- /bin/sh -c "$waits; for i in 1 2 3 4; do sleep 1 & done; wait"; cover $group/pids.events; echo go >&"$to"; ended
  h rest -- /bin/sh -c "sleep 100 & $waits; exit 1"; cover $group/cgroup.procs; sleep 2; echo go >&"$to"; ended
  v control --memory 32M -- /bin/sh -c 'exit 137'
  cover /dev/kmsg
  v log --memory 32M -- $hog
  umount /dev/kmsg
`;

const unlike: Row["unlike"] = ["control", "control"];
const told = { uncertain: true, unlike } as const;
export const coveredRows: readonly Row[] = [
  { ...told, name: "events", status: 137, code: "sigkill-cannot-tell" },
  { ...told, name: "local", status: 137, code: "oom-cannot-tell" },
  { ...told, name: "stat", status: 137, code: "sigkill-cannot-tell" },
  { ...told, name: "pids", status: 2, code: "hint-cannot-tell" },
  { ...told, name: "rest", status: 1, code: "rest-cannot-tell" },
  { ...told, name: "log", status: 137, code: "sigkill-cannot-tell" },
];

export const verdictCases: readonly Case[] = [
  {
    name: "verdict: the OOM killer of each limit, its look-alikes, pids.max",
    script: `${FUNCTIONS}${STAGED}`,
    check: ({ stdout }) => checkRows(verdictRows, readReports(stdout)),
  },
  {
    name: 'verdict: with each file that it rests on made unreadable it becomes "cannot tell"',
    script: `${COVERED}`,
    check: ({ stdout }) => checkRows(coveredRows, readReports(stdout)),
  },
];
