/**
 * Filters of system calls by their names. The system's libseccomp (libseccomp.so.2) makes the program.
 *
 * ```ts
 * import { sethostname } from "@contain-tools/kernel/namespace";
 * import * as seccomp from "@contain-tools/kernel/seccomp";
 *
 * const program = seccomp.compileFilter({
 *   defaultAction: seccomp.SECCOMP_RET_ALLOW,
 *   architectures: [seccomp.NATIVE_ARCHITECTURE],
 *   rules: [{ name: "sethostname", action: seccomp.SECCOMP_RET_ERRNO | 13, conditions: [] }], // EACCES
 *   first: [],
 *   known: [],
 *   flags: 0,
 * });
 * seccomp.setNoNewPrivileges();
 * seccomp.installFilter(program, 0); // for this process and all that it starts, for ever
 * try {
 *   sethostname("box");
 * } catch (error) {
 *   console.log(error.code, error.errno); // EACCES 13
 * }
 * ```
 *
 * @packageDocumentation
 */
export {
  ARCHITECTURES,
  NATIVE_ARCHITECTURE,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  type WordRule,
} from "../security/bpf.ts";
export { setNoNewPrivileges } from "../security/privileges.ts";
export { installFilter, installListeningFilter, type Refusal, receiveRefusal, refuse } from "../security/seccomp.ts";
export { type Condition, compileFilter, type FilterRule, type FilterRules, syscallName, syscallNumber } from "../security/seccompfilter.ts";
