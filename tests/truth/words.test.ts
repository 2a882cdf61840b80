// What a program wrote last and what a shell tried: bound to the file that is named, and that file looked at.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import type { Row } from "../helpers/verdict.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-words");
const rootfs = makeRootfs(dir);
mkdirSync(join(dir, "vol"));
mkdirSync(join(rootfs, "vol"));
symlinkSync("/vol", join(rootfs, "link"));
for (const [name, text, mode] of [
  ["asks-env", "#!/bin/env nosuchthing\n", 0o755],
  ["crlf", "#!/bin/sh\r\nexit 0\r\n", 0o755],
  ["no-x", "#!/bin/sh\n", 0o644],
] as const) {
  writeFileSync(join(rootfs, "bin", name), text);
  chmodSync(join(rootfs, "bin", name), mode);
}

const uncertain = true;
const rows: readonly Row[] = [
  {
    name: "volume",
    status: 1,
    code: "hint-read-only",
    unlike: ["writable", "publickey"],
    uncertain,
    says: /\/vol\/x lies on the mount \/vol, which is read-only/,
  },
  {
    name: "link",
    status: 1,
    code: "hint-read-only",
    unlike: ["writable", "old"],
    uncertain,
    says: /through \/link -> \/vol on the mount \/vol/,
  },
  {
    name: "root",
    status: 1,
    code: "hint-read-only",
    unlike: ["writable", "old"],
    uncertain,
    says: /lies on the mount \/, which is read-only/,
  },
  { name: "writable", status: 1, code: "exit", unlike: ["success", "left-nobody"] },
  { name: "publickey", status: 1, code: "exit", unlike: ["success", "left-nobody"] },
  { name: "old", status: 1, code: "exit", unlike: ["success", "left-nobody"] },
  { name: "denied", status: 1, code: "hint-permission", unlike: ["publickey", "volume"], uncertain, says: /can't open '\/root-only'/ },
  { name: "full", status: 1, code: "hint-no-space", unlike: ["writable", "volume"], uncertain, says: /the mount \/tmp has no block free/ },
  {
    name: "not-found",
    status: 127,
    code: "hint-not-found",
    unlike: ["own-127", "crlf"],
    uncertain,
    says: /^a hint: sh tried nosuch, which is not there/,
  },
  { name: "env", status: 127, code: "hint-not-found", unlike: ["own-127", "crlf"], uncertain, says: /^a hint: env tried nosuch/ },
  {
    name: "crlf",
    status: 127,
    code: "hint-exec-interpreter-crlf",
    unlike: ["not-found", "own-127"],
    uncertain,
    says: /sh tried \/bin\/crlf: .*carriage return/s,
  },
  {
    name: "env-crlf",
    status: 127,
    code: "hint-exec-interpreter-crlf",
    unlike: ["env", "own-127"],
    uncertain,
    says: /env tried \/bin\/crlf/,
  },
  {
    name: "no-x",
    status: 126,
    code: "hint-exec-no-x-bit",
    unlike: ["own-126", "crlf"],
    uncertain,
    says: /sh tried \/bin\/no-x: its mode is 0644/,
  },
  {
    name: "env-gone",
    status: 127,
    code: "hint-not-found",
    unlike: ["own-127", "program-127"],
    uncertain,
    says: /tried nosuchthing, which is not there/,
  },
  { name: "program-127", status: 127, code: "exit", unlike: ["success", "left-nobody"] },
  { name: "own-127", status: 127, code: "exit", unlike: ["success", "left-nobody"] },
  { name: "own-126", status: 126, code: "exit", unlike: ["success", "left-nobody"] },
  {
    name: "deleted",
    status: 1,
    code: "hint-volume-deleted",
    unlike: ["writable", "volume"],
    uncertain,
    says: /what was mounted on \/vol had been deleted/,
  },
  { name: "left", status: 0, code: "rest-killed", unlike: ["left-nobody", "success"], says: /^sleep \(PID \d+\) ended by SIGKILL/ },
];

const script = `
  touch "$ROOTFS/root-only"; chmod 600 "$ROOTFS/root-only"
  d volume --volume $PWD/vol:/vol:ro sh -c 'touch /vol/x; exit 1'
  d link --volume $PWD/vol:/vol:ro sh -c 'touch /link/x; exit 1'
  d root sh -c 'touch /x; exit 1'
  d writable --volume $PWD/vol:/vol sh -c 'touch /vol/x; exit 1'
  d publickey sh -c 'echo "git@host: Permission denied (publickey)." >&2; exit 1'
  d old sh -c 'echo "warning: /x: Read-only file system"; for i in 1 2 3 4 5 6; do echo line $i; done; exit 1'
  d denied --user 1000:1000 sh -c 'cat /root-only; exit 1'
  d full --tmpfs /tmp:64K sh -c 'dd if=/dev/zero of=/tmp/x bs=1M count=1; exit 1'
  d not-found sh -c 'nosuch'
  d env env nosuch
  d crlf sh -c crlf
  d env-crlf env crlf
  d no-x sh -c '/bin/no-x'
  d env-gone sh -c '/bin/asks-env; exit $?'
  d program-127 sh -c '/bin/busybox true; exit 127'
  d own-127 sh -c 'exit 127'
  d own-126 sh -c 'exit 126'
  mkdir gone; h deleted --volume $PWD/gone:/vol sh -c "$waits; exit 1"; rmdir gone; echo go >&"$to"; ended
  d left sh -c 'sleep 100 & sleep 3' &
  d left-nobody sh -c 'sleep 3' &
  d success true
  wait
`;

stageAll("last words", { rootfs, dir, script, rows });
