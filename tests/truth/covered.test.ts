// What `contain explain` states for certain rests on files: each of them is made unreadable in turn, and nothing is stated on it any more.
import assert from "node:assert/strict";
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Explained, explain, parse, staged } from "../helpers/explained.ts";
import { need } from "../helpers/need.ts";
import { bin, run } from "../helpers/run.ts";

const init = (program: string, name: string, words = "-pf") =>
  `unshare ${words} ${program} & P=$(child $!); named $P ${name}; echo target $P`;

const STAGES: Readonly<Record<string, string>> = {
  "a PID 1 without a handler, with namespaces of its own": init("sleep 1000", "sleep", "-pfmnu"),
  "pid1 around a program": init("pid1 sleep 1000", "pid1"),
  "a zombie's parent": `sh -c 'sleep 0.1 & exec sleep 1000' & P=$!; named $P sleep; state $(child $P) Z; echo target $P`,
  "a frozen one":
    "mkdir $GROUP/a; sleep 1000 & echo $! >$GROUP/a/cgroup.procs; echo 1 >$GROUP/a/cgroup.freeze; soon grep -q 'frozen 1' $GROUP/a/cgroup.events; echo target $!",
  "a stopped one": "sleep 1000 & kill -STOP $!; soon grep -q '^State:.T' /proc/$!/status; echo target $!",
  "another user's, in a user namespace":
    "nsexec --user --map-users 0:100000:65536 --map-groups 0:200000:1000 -- sleep 1000 & P=$(child $!) || P=$!; named $P sleep; echo target $P",
};

/** The files that certain statements name, those that can be covered; without stat and status it says nothing at all. */
function filesOf({ findings }: Explained): string[] {
  const sources = findings
    .filter(({ certain }) => certain)
    .flatMap(({ evidence }) => evidence.map(({ source }) => source.split(" ")[0] ?? ""));
  return [...new Set(sources)].filter(
    (path) => /^\/(proc|sys)\//.test(path) && !/\/stat(us)?$/.test(path) && existsSync(path) && lstatSync(path).isFile(),
  );
}

/** PID, then the files. */
const COVER = `
  pid=$1; shift
  for file; do mount --bind /proc/1/mem "$file" || continue; echo "$file $("$CONTAIN" explain --json $pid | tr -d "\\n")"; umount "$file"; done`;

describe("explain without a file that it rests on", { ...need("root", "unshare", "bash"), concurrency: 2 }, () => {
  for (const [name, script] of Object.entries(STAGES))
    test(name, () =>
      staged(script, (pid) => {
        const whole = explain([`${pid}`]);
        const files = filesOf(whole);
        assert.ok(files.length > 3, files.join(" "));
        const { stdout, stderr } = run(["unshare", "-m", "bash", "-c", COVER, "bash", `${pid}`, ...files], {
          env: { CONTAIN: join(bin, "contain") },
        });
        const seen = stdout.split("\n").filter(Boolean);
        assert.equal(seen.length, files.length, stderr);
        const faults = seen.flatMap((line) => faultsOf(whole, line.slice(0, line.indexOf(" ")), parse(line.slice(line.indexOf(" ")))));
        assert.deepEqual(faults, []);
      }),
    );
});

function faultsOf(whole: Explained, file: string, less: Explained): string[] {
  const rests = ({ evidence }: Explained["findings"][number]) => evidence.some(({ source }) => source.split(" ")[0] === file);
  const stated = whole.findings.filter((finding) => finding.certain && rests(finding));
  return less.findings
    .filter(({ certain }) => certain)
    .flatMap((finding) => {
      if (rests(finding)) return [`${finding.code} rests on ${file}, which cannot be read`];
      const isSame = stated.some(({ code, text }) => code === finding.code && text === finding.text);
      return isSame ? [`without ${file} this is stated all the same: ${finding.text}`] : [];
    });
}
