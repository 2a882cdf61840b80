// What is wrong while it runs: a pipe that a background child keeps open, clocks set off, a resolver out of reach, a volume whose directory
// was deleted. Each beside two that look like it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { explain, staged } from "../helpers/explained.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";

const dir = scratch("truth-living");

interface Living {
  readonly name: string;
  readonly script: string;
  readonly code: string;
  /** What it says; undefined where it must not be said. */
  readonly says?: RegExp;
}

const reading = (writers: string, then = "") =>
  `${writers} | sh -c 'echo $$ >${dir}/reader; exec cat' >/dev/null & soon test -s ${dir}/reader; P=$(cat ${dir}/reader); rm ${dir}/reader; named $P cat; state $P S; ended() { ! grep -qs "^State:.[^Z]" /proc/$1/status; }; ${then} echo target $P`;
const timed = (words: string) => `unshare --time ${words} --fork sleep 1000 & P=$(child $!); named $P sleep; echo target $P`;
const resolving = (server: string, before = "true") =>
  `echo "nameserver ${server}" >${dir}/resolv; unshare -mn sh -c 'ip link set lo up; mount --bind ${dir}/resolv /etc/resolv.conf; ${before}; exec sleep 1000' & named $! sleep; echo target $!`;
const volume = (then: string) =>
  `mkdir -p ${dir}/vol ${dir}/other; unshare -m sh -c 'mount --bind ${dir}/vol ${dir}/other; ${then}; exec sleep 1000' & named $! sleep; echo target $!`;

const rows: readonly Living[] = [
  {
    name: "a background child keeps the pipe open",
    script: reading(
      `sh -c 'sleep 1000 & echo $! $$ >${dir}/writer'`,
      `soon test -s ${dir}/writer; read w shell <${dir}/writer; named $w sleep; soon ended $shell;`,
    ),
    code: "waits-for-pipe",
    says: /these have open for writing: PID \d+ \(sleep\)/,
  },
  {
    name: "a writer that has closed it",
    script: reading("sh -c 'exec sleep 1000 >/dev/null'").replace("exec cat", "exec sleep 1000").replace("named $P cat", "named $P sleep"),
    code: "waits-for-pipe",
  },
  { name: "who waits for no pipe", script: "sleep 1000 & echo target $!", code: "waits-for-pipe" },
  {
    name: "clocks set off",
    script: timed("--monotonic 1000 --boottime -50"),
    code: "time-offsets",
    says: /monotonic \+1000 s, boottime -50 s/,
  },
  { name: "a time namespace without offsets", script: timed(""), code: "time-offsets" },
  { name: "the host's clocks", script: "sleep 1000 & echo target $!", code: "time-offsets" },
  {
    name: "127.0.0.53 of the host",
    script: resolving("127.0.0.53"),
    code: "names-nobody-answers",
    says: /names 127\.0\.0\.53, which is the container's own loopback/,
  },
  {
    name: "a resolver of its own",
    script: resolving(
      "127.0.0.1",
      'perl -MIO::Socket::INET -e "@k = IO::Socket::INET->new(Proto => q(udp), LocalAddr => q(127.0.0.1), LocalPort => 53); sleep 1000" & until grep -q :0035 /proc/net/udp; do sleep 0.02; done',
    ),
    code: "names-nobody-answers",
  },
  { name: "a resolver elsewhere", script: resolving("192.0.2.1"), code: "names-nobody-answers" },
  {
    name: "a volume that was deleted",
    script: volume(`rmdir ${dir}/vol`),
    code: "mount-deleted",
    says: /\/other was deleted, .*\/vol of its file system/,
  },
  { name: "a volume whose files were deleted", script: volume(`touch ${dir}/vol/x; rm ${dir}/vol/x`), code: "mount-deleted" },
  { name: "another directory that was deleted", script: volume(`mkdir ${dir}/third; rmdir ${dir}/third`), code: "mount-deleted" },
];

describe("what is wrong while it runs", { ...need("root", "unshare", "ip", "perl"), concurrency: false }, () => {
  for (const { name, script, code, says } of rows)
    test(name, () =>
      staged(script, (pid) => {
        const { codes, text } = explain([`${pid}`]);
        if (says === undefined) assert.ok(!codes.includes(code), text(code));
        else assert.match(text(code), says);
      }),
    );
});
