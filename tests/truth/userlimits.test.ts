// Limits that the kernel counts by user: inotify, namespaces. They are lowered in a user namespace of the test's own. Beside them, the same
// errno from a limit on files, from a full disk and from namespaces that are too deep.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "../helpers/explained.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-userlimits");
const program = join(dir, "limits.pl");
const [init, add, unshare] = process.arch === "arm64" ? [26, 27, 97] : [294, 254, 272];
writeFileSync(
  program,
  `my ($what, $much) = @ARGV; $| = 1;
sub fail { print STDERR "$_[0]: $!\\n"; exit 1 }
sub instance { my $fd = syscall(${init}, 0); fail("inotify_init") if $fd < 0; $fd }
if ($what eq "instances") { instance() for 1 .. $much }
if ($what eq "watches") { my $fd = instance(); for (("/", "/dev", "/etc", "/usr", "/proc")[0 .. $much - 1]) { my $path = $_; syscall(${add}, $fd, $path, 2) < 0 and fail("inotify_add_watch") } }
if ($what eq "files") { while (open my $file, "<", "/") { push @kept, $file } instance() }
if ($what eq "unshare") { syscall(${unshare}, hex $much) < 0 and fail("unshare($much)") }
if ($what eq "deep") { for (1 .. 40) { syscall(${unshare}, 0x10000000) < 0 and fail("unshare(0x10000000)"); for my $kind ("uid", "gid") { open my $map, ">", "/proc/self/$\{kind}_map"; print $map "0 0 1"; close $map } } }
print "ready\\n"; <STDIN>;
`,
);

const uncertain = true;
const rows: readonly Row[] = [
  {
    name: "instances",
    status: 1,
    code: "hint-inotify-limit",
    unlike: ["files", "disk"],
    uncertain,
    says: /fs\.inotify\.max_user_instances, 4, .*is reached: the user 0 gets no more now, either; without the container it has 4 now/,
  },
  {
    name: "files",
    status: 1,
    code: "hint-inotify-cannot-tell",
    unlike: ["instances", "watches"],
    uncertain,
    says: /or RLIMIT_NOFILE of the process, 9\. Which: cannot tell/,
  },
  {
    name: "watches",
    status: 1,
    code: "hint-inotify-limit",
    unlike: ["files", "disk"],
    uncertain,
    says: /fs\.inotify\.max_user_watches, 3, .*is reached: .*without the container it has 3 now/,
  },
  {
    name: "watches-own",
    status: 1,
    code: "hint-inotify-limit",
    unlike: ["files", "disk"],
    uncertain,
    says: /max_user_watches, 3, .*was reached; without the container it has 0 now\. Who had them: cannot tell/,
  },
  { name: "disk", status: 1, code: "hint-tmpfs-full", unlike: ["watches", "namespace-full"], uncertain },
  {
    name: "namespace-none",
    status: 1,
    code: "hint-namespace-limit",
    unlike: ["deep", "disk"],
    uncertain,
    says: /user\.max_time_namespaces is 0/,
  },
  {
    name: "namespace-full",
    status: 1,
    code: "hint-namespace-limit",
    unlike: ["deep", "disk"],
    uncertain,
    says: /: user\.max_net_namespaces is 1, and no more can be made now, either$/,
  },
  {
    name: "deep",
    status: 1,
    code: "hint-namespace-cannot-tell",
    unlike: ["namespace-none", "namespace-full"],
    uncertain,
    says: /or 32 levels of .*cannot tell/,
  },
];

const script = `
  f() {
    local name=$1
    shift
    contain run --json "report-$name" --rootfs / "$@" >/dev/null 2>"output-$name" </dev/null
    tell "$name"
  }
  p() { f "$1" "\${@:2:$#-3}" perl ${program} "\${@: -2}"; }
  limit() { echo "$2" >/proc/sys/user/max_$1; }
  inside() {
    limit inotify_instances 4; hold perl ${program} instances 4
    p instances instances 1
    release >/dev/null
    p files --ulimit nofile=9 files 0
    limit inotify_watches 3; hold perl ${program} watches 3
    p watches watches 1
    release >/dev/null
    p watches-own watches 5
    f disk --tmpfs /mnt:64K dd if=/dev/zero of=/mnt/watch bs=1M count=1
    limit time_namespaces 0
    p namespace-none unshare 0x80
    # The kernel gives a network namespace up later: one of a try may count yet.
    hold perl ${program} unshare 0x40000000; limit net_namespaces 1
    p namespace-full unshare 0x40000000
    release >/dev/null
    p deep deep 0
  }
  unshare -Ur bash -c "$(declare -f); cg=$cg; inside"
`;

stageAll("limits of the user", { rootfs: "/", dir, script, rows, needs: ["perl"] });

describe("contain explain", need("root", "unshare", "perl"), () => {
  test("the user of a process is at a limit of inotify, and is not", () => {
    const near = (limit: number) => {
      const inside = `echo ${limit} >/proc/sys/user/max_inotify_instances
        coproc HELD { exec perl ${program} instances 4; }
        read -r _ <&"\${HELD[0]}"; contain explain --json $HELD_PID; kill -9 $HELD_PID`;
      const { stdout, stderr } = run(["unshare", "-Ur", "bash", "-c", inside], { env: { PATH: `${bin}:${process.env["PATH"]}` } });
      assert.match(stdout, /^\{/, stderr);
      return parse(stdout);
    };
    const [at, far] = [near(4), near(40)];
    assert.match(at.text("inotify"), /it has 4 inotify instances with 0 watches/);
    assert.match(at.text("inotify-near-limit"), /the user 0 has 4 of 4 inotify instances.*EMFILE/);
    assert.ok(far.codes.includes("inotify") && !far.codes.includes("inotify-near-limit"), far.codes.join(" "));
  });
});
