// What a program finds when it starts: namespaces, mounts, maps, limits, descriptors, signals, ids, environment. The probe is
// perl, which every Debian has; it ignores SIGFPE for itself, so the masks are left to the `cat` that it becomes.
import { readFileSync, readlinkSync, rmSync } from "node:fs";

const SCRIPT = String.raw`
my $out = shift;
my @fds = grep { defined $_->[1] } map { [$_, readlink "/proc/self/fd/$_"] } 0 .. 255;
my @report;
for (@fds) {
  my ($fd, $to) = @$_;
  open my $info, "<", "/proc/self/fdinfo/$fd";
  push @report, ["fd $fd", join " ", $to, grep { /^(pos|flags):/ } <$info>];
}
push @report, map { ["ns $_", readlink "/proc/self/ns/$_"] } qw(cgroup ipc mnt net pid pid_for_children time time_for_children user uts);
push @report, map { [$_, readlink "/proc/self/$_"] } qw(cwd root exe);
local $/;
for my $file (qw(mountinfo uid_map gid_map setgroups projid_map limits stat environ cmdline oom_score_adj cgroup timens_offsets
  personality coredump_filter timerslack_ns autogroup loginuid), "sys/kernel/hostname") {
  open my $from, "<", $file =~ m{/} ? "/proc/$file" : "/proc/self/$file" or next;
  push @report, [$file, scalar <$from>];
}
push @report, ["terminal", qx(stty -a)] if -t 0;
open my $to, ">", $out or die "$out: $!";
print $to map { "$_->[0]=" . unpack("H*", $_->[1] // "") . "\n" } @report;
close $to;
open STDOUT, ">>", $out;
exec "cat", "/proc/self/status";
`;

/** The argv of a probe that writes what it finds to `file`. Further words may follow: they show up in `cmdline`. */
export function probe(file: string): string[] {
  return ["perl", "-e", SCRIPT, file];
}

export type Report = Readonly<Record<string, string>>;

/** Reads and removes what a probe wrote; numbers that differ from run to run are replaced by what they mean. */
export function readReport(file: string, target?: number): Report {
  const [head = "", status = ""] = split(readFileSync(file, "latin1"));
  rmSync(file);
  const raw = new Map(
    head
      .trim()
      .split("\n")
      .map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), Buffer.from(line.slice(at + 1), "hex").toString("latin1")] as const;
      }),
  );
  const report: Record<string, string> = {};
  for (const [name, text] of raw) {
    if (name.startsWith("ns ")) report[name] = whose(name.slice(3), text, target);
    else if (name.startsWith("fd ")) report[name] = text.replace(/^(pipe|socket):\[\d+\]/, "$1").replace(/^\/dev\/pts\/\d+/, "/dev/pts/N");
    else if (name === "mountinfo") report[name] = mountTree(text);
    else if (name === "stat") report[name] = statOf(text);
    else if (name === "autogroup") report[name] = text.replace(/autogroup-\d+/, "autogroup-N");
    else if (name === "cmdline") report[name] = text.slice(text.indexOf(file) + file.length);
    else report[name] = text;
  }
  for (const line of status.trim().split("\n")) {
    const [key = "", value = ""] = line.split(/:\s*/);
    if (/^NS/.test(key))
      report[key] = value
        .split(/\s+/)
        .map((pid) => (pid === "1" || pid === "0" ? pid : "N"))
        .join(" ");
    else if (!VARYING.test(key)) report[key] = value;
  }
  return report;
}

/** Status fields that tell of this very process, not of how it was started. */
const VARYING = /^(Tgid|Pid|PPid|Ngid|FDSize|SigQ|State|Vm|Rss|Huge|.*_ctxt_switches|THP|untag)/;

function split(text: string): [string, string] {
  const at = text.indexOf("\nName:");
  return [text.slice(0, at), text.slice(at + 1)];
}

function whose(file: string, id: string, target: number | undefined): string {
  if (id === readlinkSync(`/proc/self/ns/${file}`)) return "the caller's";
  return target !== undefined && id === readlinkSync(`/proc/${target}/ns/${file}`) ? "the target's" : "a new one";
}

/** What the tests of another file have mounted meanwhile in the mount namespace that all of them share. */
const OTHERS = /\/(mmdebstrap\.|contain-test-(?!differential-))/;

/** The mounts without ids: the parent by its line, peer groups and anonymous devices by the order in which they come. */
function mountTree(text: string): string {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , , , place = ""]) => !OTHERS.test(place));
  const ids = lines.map(([id]) => id);
  const groups = new Map<string, number>();
  const devices = new Set(readFileSync("/proc/self/mountinfo", "utf8").match(/\b\d+:\d+\b/g));
  return lines
    .map(([, parent = "", device = "", ...rest]) => {
      const words = rest.map((word) =>
        word.replace(/^(shared|master|propagate_from):(\d+)$/, (_, kind: string, group: string) => {
          if (!groups.has(group)) groups.set(group, groups.size + 1);
          return `${kind}:${groups.get(group)}`;
        }),
      );
      return [`below ${ids.indexOf(parent)}`, devices.has(device) ? device : "new", ...words].join(" ");
    })
    .join("\n");
}

/** The fields of /proc/PID/stat (proc_pid_stat(5)) that a program inherits. */
function statOf(text: string): string {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const pid = text.split(" ", 1)[0];
  const group = (word = "") => (word === pid ? "own" : /^(0|-1)$/.test(word) ? word : "another");
  const [priority, nice, exitSignal, realTime, policy] = [15, 16, 35, 37, 38].map((i) => fields[i]);
  return [
    `group ${group(fields[2])}, session ${group(fields[3])}, terminal ${fields[4] === "0" ? "none" : "one"}, its foreground ${group(fields[5])}`,
    `priority ${priority}, nice ${nice}, exit signal ${exitSignal}, real-time priority ${realTime}, policy ${policy}`,
  ].join("\n");
}
