// In a chroot, which pivot_root(2) refuses where it is no mount point: the tools work, and nothing outside of it can be reached.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";

const dir = scratch("chroot");
const rootfs = makeRootfs(dir);
writeFileSync(join(dir, "secret"), "");

/** A directory with the host's files in it, but for what is mounted anew; "jail" runs a command in a chroot there. */
const PRELUDE = `
  set -e
  mkdir -p ${dir}/top && mount -t tmpfs top ${dir}/top && cd ${dir}/top && mkdir jail
  for path in /*; do
    if [ -h "$path" ]; then cp -P "$path" jail/; continue; fi
    [ -d "$path" ] || continue
    mkdir "jail$path"
    case $path in /proc | /run | /tmp) ;; *) mount --rbind "$path" "jail$path" ;; esac
  done
  mount -t proc proc jail/proc; mkdir jail/run/contain; cp -a ${rootfs} jail/tmp/rootfs
  mkdir -p jail/tmp/rootfs/usr/lib jail/tmp/rootfs/perl; for name in lib lib64; do [ -e jail/tmp/rootfs/$name ] || ln -s usr/$name jail/tmp/rootfs/$name; done
  [ "$1" = directory ] || mount --rbind jail jail
  mounts() { cut -d' ' -f4- /proc/self/mountinfo | sort; }
  jail() { chroot jail "$@"; }
  mounts >before
  set +e
`;
/** Out of a chroot by the book: chroot(2), "does not change the current working directory". */
const ESCAPE = `mkdir "/tmp/x"; chroot "/tmp/x" or die; chdir ".." for 1..20; chroot "."; print -e "${dir}/secret" ? "out" : "in", "\\n"`;

const cases = [
  {
    name: "nsexec --mount keeps its mounts to itself",
    script: `jail ${bin}/nsexec --mount -- sh -c 'mount -t tmpfs new /mnt && echo mounted'`,
    stdout: "mounted\n",
  },
  {
    name: "pivot says how",
    script: `jail ${bin}/pivot -v /tmp/rootfs -- sh -c 'cut -d" " -f5 /proc/self/mountinfo; cd ../..; pwd'`,
    stdout: "/\n/proc\n/dev\n/dev/pts\n/dev/shm\n/\n",
    stderr: /^\[pivot\] \/ was a chroot: pivot_root was called from outside of it$/m,
  },
  {
    name: "a chain of nsexec and pivot",
    script: `jail ${bin}/nsexec --mount --pid --fork -- pivot /tmp/rootfs --no-unshare -- sh -c 'echo $$'`,
    stdout: "1\n",
  },
  { name: "contain run", script: `jail ${bin}/contain run --init --rootfs /tmp/rootfs -- sh -c 'echo $$'`, stdout: "2\n" },
  {
    name: "contain run with the files of the chroot",
    script: `jail ${bin}/contain run -- sh -c 'ls -d /tmp/rootfs ${dir} 2>/dev/null; echo $$'`,
    stdout: "/tmp/rootfs\n1\n",
  },
  {
    name: "nobody inside gets out, who may call chroot(2) himself",
    script: `jail ${bin}/pivot /tmp/rootfs --rw --bind /usr:/usr -- /usr/bin/perl -e '${ESCAPE}'; jail ${bin}/contain run --rw --rootfs /tmp/rootfs --volume /usr:/usr -- /usr/bin/perl -e '${ESCAPE}'`,
    stdout: "in\nin\n",
  },
] as const;

describe("in a chroot", need("root", "unshare", "chroot", "perl"), () => {
  for (const kind of ["directory", "mount point"]) {
    for (const { name, script, stdout, ...more } of cases) {
      test(`a ${kind}: ${name}`, () => {
        const whole = `${PRELUDE}${script}\nmounts | diff before -`;
        const result = run(["unshare", "--mount", "--propagation", "shared", "sh", "-c", whole, "sh", kind], { timeout: 60_000 });
        assert.deepEqual([result.status, result.stdout], [0, stdout], result.stderr);
        if ("stderr" in more) assert.match(result.stderr, more.stderr);
      });
    }
  }

  test("doctor says that / is a chroot", () => {
    const whole = `${PRELUDE}jail ${bin}/contain doctor | grep ^pivot_root`;
    const { stdout, stderr } = run(["unshare", "--mount", "--propagation", "shared", "sh", "-c", whole, "sh", "directory"]);
    assert.match(
      stdout,
      /^pivot_root +limited +\/ is not a mount point, but a directory \(a chroot\), which pivot_root\(2\) refuses/,
      stderr,
    );
  });
});
