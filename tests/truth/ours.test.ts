// Signals that contain itself sent are never told as a stranger's.
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-ours");
const rootfs = makeRootfs(dir);

const rows: readonly Row[] = [
  {
    name: "kill",
    status: 137,
    code: "killed-by-contain",
    unlike: ["outside", "itself"],
    says: /SIGKILL from contain kill \(PID \d+\), run by bash \(PID/,
  },
  { name: "outside", status: 137, code: "killed-from-outside", unlike: ["kill", "stop-late"] },
  {
    name: "itself",
    status: 137,
    code: "killed-by-somebody",
    unlike: ["outside", "kill"],
    says: /itself, another one inside, or one outside/,
  },
  {
    name: "sibling",
    status: 137,
    code: "killed-by-somebody",
    unlike: ["outside", "kill-init"],
    says: /itself, another one inside, or one outside/,
  },
  { name: "kill-init", status: 137, code: "killed-by-contain", unlike: ["itself", "exit-137"] },
  { name: "exit-137", status: 137, code: "exit-above-128", unlike: ["kill", "outside"] },
  {
    name: "kill-term",
    status: 143,
    code: "exit-after-signal",
    unlike: ["exit-143", "kill"],
    says: /SIGTERM, which contain sent: SIGTERM from contain kill/,
  },
  { name: "exit-143", status: 143, code: "exit-above-128", unlike: ["kill-term", "kill-default"] },
  { name: "kill-default", status: 143, code: "killed-by-contain", unlike: ["kill-term", "term-outside"] },
  { name: "term-outside", status: 143, code: "signal-cannot-tell", unlike: ["kill-default", "kill-term"], uncertain: true },
  { name: "stop-late", status: 137, code: "killed-by-contain", unlike: ["outside", "stop"], says: /SIGKILL from contain stop/ },
  { name: "stop", status: 137, code: "killed-by-grace", unlike: ["stop-late", "kill"] },
  { name: "notes", status: 137, code: "sigkill-cannot-tell", unlike: ["outside", "kill"], uncertain: true, says: /its notes would tell/ },
  { name: "hangup", status: 137, code: "killed-by-hangup", unlike: ["hangup-handled", "outside"] },
  { name: "hangup-handled", status: 3, code: "exit", unlike: ["hangup", "kill"] },
];

const script = `
  # Without an init, and so without a PID namespace's rule, a process of the container may kill the program.
  h kill sh -c "$waits"; contain kill $(<id); ended
  h outside sh -c "$waits"; kill -9 $pid; ended
  v itself --init sh -c 'kill -9 $$'
  v sibling --init sh -c '(sleep 0.1; kill -9 $$) & sleep 10'
  h kill-init --init sh -c "$waits"; contain kill $(<id); ended
  v exit-137 sh -c 'exit 137'
  h kill-term sh -c "trap 'exit 143' TERM; $waits"; contain kill $(<id) TERM; ended
  v exit-143 sh -c 'exit 143'
  h kill-default --ns uts sh -c "$waits"; contain kill $(<id) TERM; ended
  h term-outside --ns uts sh -c "$waits"; kill -TERM $pid; ended
  # Stopped by a tracer, which SIGCONT does not change.
  h stop-late sh -c "$waits"
  coproc TRACER { exec perl -e 'syscall($ARGV[1] eq "aarch64" ? 117 : 101, 16, $ARGV[0] + 0, 0, 0); <STDIN>' $held $(uname -m); }
  until_ok grep -q "^State:.t" /proc/$held/status
  contain stop --grace 100ms $(<id); kill -9 $TRACER_PID; kill -CONT $held; ended
  h stop --grace 100ms sh -c "$waits"; contain stop $(<id); ended
  h notes sh -c "$waits"; ln -s signals /run/contain/$(<id)/signals; kill -9 $pid; ended
  # NAME WORDS…: on a terminal that goes away.
  t() {
    local name=$1; shift
    echo "exec contain run --quiet --json report-$name --cidfile id-$name --rootfs $ROOTFS $*" >run-$name
    script -qfec "sh run-$name" typed-$name </dev/null >/dev/null 2>&1 & local s=$!
    until_ok grep -q ready typed-$name
    kill -9 $s
    until_ok test -s report-$name
    tell $name
  }
  t hangup "sh -c 'echo ready; sleep 100'"
  t hangup-handled "sh -c 'trap \\"exit 3\\" HUP; echo ready; while :; do sleep 0.1; done'"
`;

stageAll("signals of our own", { rootfs, dir, script, rows });
