// Why a program was not started: which component of its path refused, which file of a chain of interpreters.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-exec");
const rootfs = makeRootfs(dir);

function file(path: string, content: string | Buffer, mode = 0o755): void {
  mkdirSync(dirname(join(rootfs, path)), { recursive: true });
  writeFileSync(join(rootfs, path), content);
  chmodSync(join(rootfs, path), mode);
}

file("closed/prog", "#!/bin/sh\n");
file("closed/deep/prog", "#!/bin/sh\n");
file("open/prog", "#!/bin/sh\nexit 3\n");
file("by-closed", "#!/closed/sh\n");
file("by-script", "#!/by-no-x\n");
file("by-no-x", "#!/no-x\n");
file("no-x", "#!/bin/sh\n", 0o644);
file("crlf-env", "#!/bin/env sh\r\n");
copyFileSync(join(rootfs, "bin/busybox"), join(rootfs, "closed/sh"));
chmodSync(join(rootfs, "closed/deep"), 0o755);
chmodSync(join(rootfs, "closed"), 0o700);
symlinkSync("closed/prog", join(rootfs, "way"));
symlinkSync("../closed", join(rootfs, "open/door"));
symlinkSync("/open/prog", join(rootfs, "good-way"));

const closed = { status: 126, code: "exec-path-not-searchable" } as const;
const rows: readonly Row[] = [
  {
    ...closed,
    name: "closed",
    unlike: ["good-way", "not-for-user"],
    says: /the directory \/closed on the way to it may not be searched by the user 1000:1000: mode 0700/,
  },
  { ...closed, name: "deep", unlike: ["good-way", "missing"], says: /the directory \/closed on the way/ },
  { ...closed, name: "way", unlike: ["good-way", "missing"], says: /the directory \/closed .*through the link \/way -> closed\/prog/ },
  {
    ...closed,
    name: "door",
    unlike: ["good-way", "not-for-user"],
    says: /the directory \/closed .*through the link \/open\/door -> ..\/closed/,
  },
  { name: "good-way", status: 3, code: "exit", unlike: ["way", "closed"] },
  { name: "not-for-user", status: 126, code: "exec-no-x-bit", unlike: ["closed", "by-no-x"] },
  { name: "missing", status: 127, code: "exec-not-found", unlike: ["way", "by-closed"] },
  {
    name: "by-closed",
    status: 126,
    code: "exec-interpreter-denied",
    unlike: ["closed", "not-for-user"],
    says: /interpreter \/closed\/sh .*the directory \/closed/,
  },
  {
    name: "by-no-x",
    status: 126,
    code: "exec-interpreter-denied",
    unlike: ["not-for-user", "missing"],
    says: /\/no-x may not be executed: its mode is 0644/,
  },
  {
    name: "by-script",
    status: 126,
    code: "exec-interpreter-denied",
    unlike: ["not-for-user", "missing"],
    says: /\/by-no-x .*\/no-x .*0644/,
  },
];

const script = `
  v closed --user 1000:1000 /closed/prog
  v deep --user 1000:1000 /closed/deep/prog
  v way --user 1000:1000 /way
  v door --user 1000:1000 /open/door/prog
  v good-way --user 1000:1000 /good-way
  v not-for-user --user 1000:1000 /no-x
  v missing --user 1000:1000 /none
  v by-closed --user 1000:1000 /by-closed
  v by-no-x /by-no-x
  v by-script /by-script
`;

stageAll("a program that was not started", { rootfs, dir, script, rows });
