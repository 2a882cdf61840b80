// Landlock restricts which files a process, and everything it starts, may open (landlock(7), since Linux 5.13).

import { ToolError } from "../ffi/errno.ts";
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { flags, sys } from "../ffi/trace.ts";
import { close } from "../file/open.ts";
import { fstat } from "../file/stat.ts";

const createRulesetC = declareSyscall(SYS.landlock_create_ruleset);
const addRuleC = declareSyscall(SYS.landlock_add_rule);
const restrictSelfC = declareSyscall(SYS.landlock_restrict_self);
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const LANDLOCK_RULE_PATH_BENEATH = 1;

const ACCESS = {
  EXECUTE: 1,
  WRITE_FILE: 2,
  READ_FILE: 4,
  READ_DIR: 8,
  TRUNCATE: 0x4000,
  IOCTL_DEV: 0x8000,
} as const;
const READING = ACCESS.EXECUTE | ACCESS.READ_FILE | ACCESS.READ_DIR;
const OF_FILES = ACCESS.EXECUTE | ACCESS.WRITE_FILE | ACCESS.READ_FILE | ACCESS.TRUNCATE | ACCESS.IOCTL_DEV;
/** The rights that each ABI knows: the first has 13, later ones add refer, truncate, and ioctl on devices. */
const KNOWN = [0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff];

/** A file, or a directory with everything below it. */
interface LandlockRule {
  /** An O_PATH descriptor. */
  readonly fd: number;
  readonly writable: boolean;
}

/** The kernel's Landlock ABI. @throws ToolError if there is none */
export function landlockAbi(): number {
  const abi = createRulesetC(null, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi > 0) return abi;
  throw new ToolError(
    "--landlock: this kernel has no Landlock",
    "it needs Linux 5.13, CONFIG_SECURITY_LANDLOCK, and landlock in the list of the boot option lsm= (landlock(7))",
  );
}

/**
 * Refuses this process every file outside the rules, from the next open(2) on; open descriptors stay usable.
 *
 * @throws SyscallError EPERM without no_new_privs and CAP_SYS_ADMIN
 */
export function restrictFiles(rules: readonly LandlockRule[]): void {
  const known = KNOWN[Math.min(landlockAbi(), KNOWN.length - 1)] ?? 0;
  const handled = Buffer.alloc(8); // struct landlock_ruleset_attr, its first field
  handled.writeBigUInt64LE(BigInt(known));
  const ruleset = sys(
    "landlock_create_ruleset",
    () => [`{handled_access_fs=0x${known.toString(16)}}`, "8", "0"],
    createRulesetC(handled, handled.length, 0),
  );
  for (const { fd, writable } of rules) {
    const access = (writable ? known : READING) & (fstat(fd).isDirectory() ? known : OF_FILES & known);
    const rule = Buffer.alloc(12); // struct landlock_path_beneath_attr, packed
    rule.writeBigUInt64LE(BigInt(access));
    rule.writeInt32LE(fd, 8);
    sys(
      "landlock_add_rule",
      () => [`${ruleset}`, "LANDLOCK_RULE_PATH_BENEATH", `{allowed_access=${flags(ACCESS, access)}, parent_fd=${fd}}`, "0"],
      addRuleC(ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0),
    );
  }
  sys("landlock_restrict_self", () => [`${ruleset}`, "0"], restrictSelfC(ruleset, 0));
  close(ruleset);
}
