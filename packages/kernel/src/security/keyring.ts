// The session keyring: keys that a process inherits through fork, execve and new namespaces (session-keyring(7)).
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";

const keyctlC = declareSyscall(SYS.keyctl);
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SETPERM = 5;

/** What the possessor and the owner have in a new session keyring, and `search` for the owner, who needs it to join by name. */
const PERMISSIONS = 0x3f1b0000;

/**
 * keyctl_join_session_keyring(3): leaves the caller's session keyring for the one of this name that we own in this user namespace, or for a
 * new one. Its owner can join it again.
 *
 * @throws SyscallError ENOSYS without CONFIG_KEYS; EPERM by a seccomp filter; EDQUOT when this user has too many keys
 */
export function joinSessionKeyring(name: string): void {
  const keyring = sys("keyctl", () => ["KEYCTL_JOIN_SESSION_KEYRING", quote(name)], keyctlC(KEYCTL_JOIN_SESSION_KEYRING, name));
  sys("keyctl", () => ["KEYCTL_SETPERM", `${keyring}`, `0x${PERMISSIONS.toString(16)}`], keyctlC(KEYCTL_SETPERM, keyring, PERMISSIONS));
}
