// Why execve(2) of a file fails with EACCES: the mode, the mount, or a directory on the way.
import { access, codeOf, type Diagnosis, declare, type Fact, readlink, type Stat, stat, X_OK } from "@contain-tools/kernel";
import { modeOf, unmapped } from "./pathwalk.ts";

const statvfsC = declare("statvfs");
const FLAG = 72; // the offset of f_flag in struct statvfs on 64-bit machines, in glibc and musl
const ST_NOEXEC = 8;

/** True if the file's mount has noexec; undefined if statvfs(3) fails. */
function isOnNoexec(path: string): boolean | undefined {
  const answer = Buffer.alloc(256);
  return statvfsC(path, answer) === 0 ? (answer.readUInt32LE(FLAG) & ST_NOEXEC) !== 0 : undefined;
}

/** Why we may not execute an existing file; undefined if no reason was found. */
export function whyDenied(path: string, stat: Stat): Diagnosis | undefined {
  const mode: Fact = {
    source: `stat(${path})`,
    value: `mode ${modeOf(stat)}, owner ${stat.uid}:${stat.gid}`,
    rule: "execve(2) EACCES, inode(7)",
  };
  if ((stat.mode & 0o111) === 0)
    return { code: "exec-no-x-bit", text: `its mode is ${modeOf(stat)}: no execute bit (chmod +x)`, certain: true, facts: [mode] };
  const noexec = isOnNoexec(path);
  const mount: Fact = {
    source: `statvfs(${path}) f_flag`,
    value: noexec === undefined ? undefined : noexec ? "ST_NOEXEC" : "no ST_NOEXEC",
    rule: "execve(2) EACCES, mount(2) MS_NOEXEC",
  };
  if (noexec) return { code: "exec-noexec-mount", text: "it is on a mount with noexec", certain: true, facts: [mount] };
  try {
    access(path, X_OK);
  } catch (error) {
    if (codeOf(error) !== "EACCES" || noexec === undefined) return undefined;
    const who = `${process.geteuid?.()}:${process.getegid?.()}`;
    const text = `its mode is ${modeOf(stat)} and its owner ${stat.uid}:${stat.gid}: not for the user ${who} to execute${unmapped(stat)}`;
    return {
      code: "exec-not-for-user",
      text,
      certain: true,
      facts: [mode, { source: "access(2) X_OK", value: "EACCES", rule: "access(2)" }],
    };
  }
  return undefined;
}

/** The target of a dangling symbolic link. */
export function linkTarget(path: string): string | undefined {
  try {
    return readlink(path);
  } catch {
    return undefined;
  }
}

/** True for a file that the caller may execute (access(2)). */
export function canRun(path: string): boolean {
  try {
    access(path, X_OK);
    return stat(path).isFile();
  } catch {
    return false;
  }
}
