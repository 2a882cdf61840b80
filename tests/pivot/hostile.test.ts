// A root file system made by an enemy: its symbolic links point to the host, and change while pivot mounts. Nothing of the host
// may be touched, and what is mounted must lie inside (CVE-2021-30465, CVE-2026-41579).
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";

const dir = scratch("hostile");
const rootfs = makeRootfs(dir);
const source = join(dir, "source");
const victim = join(dir, "victim");
mkdirSync(source);
mkdirSync(join(victim, "sub"), { recursive: true });
writeFileSync(join(source, "file"), "source\n");
writeFileSync(join(victim, "file"), "host\n");

/** `look` prints the host's files that could be hit; `check` tells when they, or the mounts, have changed since. */
const watched = `
  look() { find ${victim} ${source} -printf '%p %y %m %s %l %T@\\n' | sort; cat ${victim}/file ${source}/file; }
  before; files=$(look)
  check() { [ "$files" = "$(look)" ] || { echo "host files changed: $*"; echo "$files"; echo now; look; }; same "$@"; }`;

const UP = "../../../../../../../../..";
const LINKS = {
  "an absolute path of the host": victim,
  "a way up and out": `${UP}${victim}`,
  "a chain of links": "chain1",
  "nothing, next to a file of the host": `${victim}/new`,
  "nothing at all": "/nowhere/at/all",
  itself: "SELF",
} as const;

/** Puts a link in the place of `path` in the rootfs, runs, and puts the directory back. */
function withLink(path: string, to: string, script: string): string {
  const place = `${rootfs}${path}`;
  return `
    ln -sfn chain2 ${rootfs}/chain1; ln -sfn ${UP}/${victim} ${rootfs}/chain2; mkdir -p ${place}; mv -T ${place} ${place}.kept
    ln -s ${to === "SELF" ? place.slice(place.lastIndexOf("/") + 1) : to} ${place}
    ${script}
    rm ${place}; mv -T ${place}.kept ${place}; rm -f ${rootfs}/chain1 ${rootfs}/chain2`;
}

describe("a hostile rootfs", need("root", "unshare"), () => {
  // Guards openInRoot and makeInRoot. Without RESOLVE_IN_ROOT the mount succeeds, on the host's directory, and the status is 0;
  // a directory or file that is made through a path string appears in the victim.
  for (const [what, to] of Object.entries(LINKS)) {
    for (const [path, options] of [
      ["/proc", ""],
      ["/dev", ""],
      ["/sys", "--sys"],
      ["/vol", "--tmpfs /vol"],
      ["/vol", "--tmpfs /vol/sub"],
      ["/vol", `--bind ${source}:/vol`],
      ["/vol", `--ro-bind ${source}/file:/vol`],
      ["/vol", `--ro-bind ${source}/file:/vol/x/file`],
      ["/dev/pts", "--no-dev --tmpfs /dev/pts"],
    ] as const) {
      test(`${path} leads to ${what}: refused ${options}`, () => {
        const { stdout, stderr } = isolated(`${watched}
          ${withLink(
            path,
            to,
            `for rw in "" --rw; do
              pivot ${rootfs} $rw ${options} -- /bin/echo ran; [ $? = 125 ] || echo "not refused: $rw"
              check "$rw"
            done`,
          )}`);
        assert.equal(stdout, "");
        assert.equal(stderr.match(/^pivot: /gm)?.length, 2, stderr);
        assert.doesNotMatch(stderr, /this is a bug/);
      });
    }
  }

  // The same links where the place exists inside too: that is where the mount goes.
  for (const [what, to] of Object.entries(LINKS).slice(0, 3)) {
    test(`a link to ${what} is followed as if the rootfs were /`, () => {
      const { stdout, stderr } = isolated(`mkdir -p ${rootfs}${victim}; ${watched}
        ${withLink("/vol", to, `pivot ${rootfs} --tmpfs /vol:1M -- /bin/grep -o ' ${victim} .*size.*' /proc/self/mountinfo; check tmpfs`)}
        ${withLink("/vol", to, `pivot ${rootfs} --ro-bind ${source}:/vol -- /bin/sh -c 'cat /vol/file ${victim}/file; ls ${victim}'; check bind`)}
        ${withLink("/vol", to, `pivot ${rootfs} --rw --tmpfs /vol/made -- /bin/sh -c 'grep -c " ${victim}/made " /proc/self/mountinfo'; check made`)}
        ${withLink("/dev", to, `pivot ${rootfs} -- /bin/sh -c 'stat -c %F /dev/null ${victim}/null'; check dev`)}
        ${withLink("/proc", to, `pivot ${rootfs} -- /bin/sh -c 'readlink ${victim}/self'; check proc`)}
        rm -r ${rootfs}${dir}`);
      assert.equal(stderr, "");
      assert.match(
        stdout,
        new RegExp(
          `^ ${victim} rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=1024k\nsource\nsource\nfile\n1\n(character special file\n){2}\\d+\n$`,
        ),
      );
    });
  }

  // With --no-default-mounts what is missing is made, also what a link leads to: inside, wherever the link points.
  for (const [what, to] of Object.entries(LINKS)) {
    test(`--no-default-mounts: a link to ${what} is followed as if the rootfs were /, or refused`, () => {
      const inside = what === "itself" ? undefined : to === "chain1" || to.startsWith("..") ? victim : to;
      const words = (...mounts: string[]) => `pivot ${rootfs} --no-default-mounts --mount type=proc,target=/proc ${mounts.join(" ")}`;
      const show = `--cwd /vol/cwd -- /bin/sh -c 'pwd -P; cat /vol/f; grep -c tmpfs /proc/self/mountinfo'; echo $?; check`;
      const mounts = [
        `--mount type=tmpfs,source=x,target=/vol/t,mode=700`,
        `--mount type=bind,source=${source}/file,target=/vol/f,bind,ro`,
      ];
      const { stdout, stderr } = isolated(`${watched}
        ${withLink("/vol", to, `${words(...mounts)} ${show}; ${words("--rw", ...mounts.toReversed())} ${show}`)}
        rm -rf ${rootfs}${dir} ${rootfs}/nowhere`);
      if (inside === undefined) assert.equal(stdout, "125\n125\n", stderr);
      else assert.equal(stdout, `${inside}/cwd\nsource\n1\n0\n`.repeat(2), stderr);
    });
  }

  test("tmpcopyup copies what lies there, and follows nothing", () => {
    const { stdout, stderr } = isolated(`${watched}
      mkdir -p ${rootfs}/up/dir; echo inside >${rootfs}/up/dir/file; chown 7:8 ${rootfs}/up/dir/file ${rootfs}/up; chmod 4710 ${rootfs}/up/dir/file
      chmod 1771 ${rootfs}/up; ln -s ${victim}/file ${rootfs}/up/link; ln -s ${victim} ${rootfs}/up/dirlink; mkfifo ${rootfs}/up/fifo
      files=$(look)
      pivot ${rootfs} --no-default-mounts --mount type=tmpfs,target=/up,tmpcopyup,nosuid -- /bin/sh -c 'cd /up
        stat -c "%n %a %u:%g %F" . dir dir/file link dirlink; readlink link; cat dir/file; ls | wc -l; echo x >>dir/file; echo x >new'
      check copyup; cat ${rootfs}/up/dir/file; rm -r ${rootfs}/up`);
    assert.equal(
      stdout,
      `. 1771 7:8 directory\ndir 755 0:0 directory\ndir/file 4710 7:8 regular file\nlink 777 0:0 symbolic link\ndirlink 777 0:0 symbolic link\n${victim}/file\ninside\n3\ninside\n`,
      stderr,
    );
  });

  test("/dev/pts as a link in the rootfs does not matter: our own /dev lies over it", () => {
    const { stdout, stderr } = isolated(`${watched}
      ${withLink("/dev/pts", victim, `pivot ${rootfs} --rw -- /bin/sh -c 'ls /dev/pts'; check pts`)}`);
    assert.equal(stderr, "");
    assert.equal(stdout, "ptmx\n");
  });

  test("a target full of .. stays inside", () => {
    const { stdout, stderr } = isolated(`${watched}
      pivot ${rootfs} --ro-bind ${source}:${UP}/mnt -- /bin/true
      pivot ${rootfs} --ro-bind ${source}:/etc/${UP}/mnt -- /bin/cat /mnt/file; check dots
      pivot ${rootfs} --rw --tmpfs /${UP}${victim}/made -- /bin/sh -c 'grep -c " ${victim}/made " /proc/self/mountinfo'; check made
      rm -r ${rootfs}${dir}`);
    assert.match(stderr, /^pivot: --ro-bind .*: must be SRC:DST\n.*\n$/);
    assert.equal(stdout, "source\n1\n");
  });

  // Guards that nothing is looked up again by name once it is mounted. A /dev that is opened a second time has its devices made
  // in /data, the host's; an --ro-bind whose target is looked up again makes another mount read-only and leaves its own writable.
  test("links that change all the time while pivot mounts", () => {
    const swap = `
      const fs = require("node:fs"), [, root, victim, source] = process.argv;
      const pairs = { dev: ["/dev1", "/data"], proc: ["/proc1", "${UP}" + source], vol: ["/vol1", "/vol2"], out: ["/vol3", victim] };
      for (let i = 0; ; i++) for (const [name, links] of Object.entries(pairs)) {
        fs.symlinkSync(links[i % 2], root + "/next");
        fs.renameSync(root + "/next", root + "/" + name);
      }`;
    const tries = 60;
    const { stdout, stderr } = isolated(
      `mkdir -p ${rootfs}/data ${rootfs}/dev1 ${rootfs}/proc1 ${rootfs}/vol1 ${rootfs}/vol2 ${rootfs}/vol3 ${rootfs}${victim} ${rootfs}${source}; rm -rf ${rootfs}/dev ${rootfs}/proc ${rootfs}/vol
      mount --bind ${victim} ${rootfs}/data; mount -t tmpfs none ${rootfs}/vol1; mount -t tmpfs none ${rootfs}/vol2; ${watched}
      node -e '${swap}' ${rootfs} ${victim} ${source} & swapper=$!
      while [ ! -h ${rootfs}/out ] && kill -0 $swapper; do :; done
      i=0; while [ $i -lt ${tries} ]; do i=$((i+1))
        pivot ${rootfs} --rw --ro-bind ${source}:/vol --tmpfs /out/made -- /bin/sh -c 'cat /proc1/self/mountinfo ${source}/self/mountinfo 2>&1 | grep "/source /vol"'
      done
      kill $swapper; wait $swapper 2>/dev/null; check swapped`,
      { timeout: 120_000 },
    );
    const lines = stdout.trim().split("\n");
    assert.ok(lines.length > tries / 2, stdout + stderr); // a try may be refused, when its target changed before it could be mounted
    for (const line of lines) assert.match(line, /\/source \/vol[12] ro,/);
    assert.doesNotMatch(stderr, /this is a bug/);
  });
});
