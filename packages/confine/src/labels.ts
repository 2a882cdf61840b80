// AppArmor profiles and SELinux contexts for the next execve(2), by /proc/self/attr (proc_pid_attr(5)).
import type { Options } from "@contain-tools/chain";
import { exists, failedWith, readIfThere, SyscallError, ToolError, UsageError, writeOwnProc } from "@contain-tools/kernel";
import type { Name } from "./options.ts";

export interface Label {
  readonly option: "--apparmor" | "--selinux-label";
  readonly text: string;
}

/** @throws UsageError if the security module is off */
export function readLabels(given: Options<Name>): Label[] {
  const apparmor = given.value("apparmor");
  const selinux = given.value("selinux-label");
  if (apparmor !== undefined && readIfThere("/sys/module/apparmor/parameters/enabled")?.trim() !== "Y")
    throw isOff("--apparmor", apparmor, "AppArmor");
  if (selinux !== undefined && !exists("/sys/fs/selinux/enforce")) throw isOff("--selinux-label", selinux, "SELinux");
  return [
    ...(apparmor === undefined ? [] : [{ option: "--apparmor", text: apparmor } as const]),
    ...(selinux === undefined ? [] : [{ option: "--selinux-label", text: selinux } as const]),
  ];
}

const isOff = (option: string, text: string, name: string) =>
  new UsageError(`${option} ${text}: ${name} is not enabled on this host`, "/sys/kernel/security/lsm lists the security modules that are");

/** Called while /proc/self still belongs to us: after a change of ids it may be root's. @throws ToolError */
export function setLabels(labels: readonly Label[]): void {
  for (const { option, text } of labels) {
    try {
      if (option === "--selinux-label") writeOwnProc("attr/exec", text);
      else setProfile(`exec ${text}`);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      const hint = error.code === "ENOENT" ? "there is no such profile: apparmor_status(8) lists those that are loaded" : error.hint;
      throw new ToolError(`${option} ${text}: ${error.message}`, hint, 125, { cause: error });
    }
  }
}

/** attr/apparmor since Linux 5.8, next to other modules' files. */
function setProfile(text: string): void {
  try {
    writeOwnProc("attr/apparmor/exec", text);
  } catch (error) {
    if (!failedWith(error, "ENOENT")) throw error;
    writeOwnProc("attr/exec", text);
  }
}
