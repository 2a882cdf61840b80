// The session keyring: keys inherited through fork, execve and new namespaces (session-keyring(7)).
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";

const keyctlC = declareSyscall(SYS.keyctl);
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SETPERM = 5;

/** The default permissions of possessor and owner in a new session keyring, plus `search` for the owner, who needs it to join by name. */
const PERMISSIONS = 0x3f1b0000;

/**
 * keyctl_join_session_keyring(3): replaces the caller's session keyring by ours of this name in this user namespace, or by a new one. Its
 * owner can join it again.
 *
 * @throws SyscallError ENOSYS without CONFIG_KEYS; EPERM from a seccomp filter; EDQUOT if this user has too many keys
 */
export function joinSessionKeyring(name: string): void {
  const keyring = sys("keyctl", () => ["KEYCTL_JOIN_SESSION_KEYRING", quote(name)], keyctlC(KEYCTL_JOIN_SESSION_KEYRING, name));
  sys("keyctl", () => ["KEYCTL_SETPERM", `${keyring}`, `0x${PERMISSIONS.toString(16)}`], keyctlC(KEYCTL_SETPERM, keyring, PERMISSIONS));
}
