// The option words of mount(8) and fstab(5) and their effect on a mount. All others are data for the file system.
import { MOUNT_ATTR, type MountAttributes, MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "@contain-tools/kernel";

const { RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, STRICTATIME, ATIME, NODIRATIME, NOSYMFOLLOW } = MOUNT_ATTR;
const set = (bit: number): MountAttributes => ({ set: bit, clear: 0 });
const clear = (bit: number): MountAttributes => ({ set: 0, clear: bit });
const atime = (way: number): MountAttributes => ({ set: way, clear: ATIME });

/** With a leading `r` each applies to all mounts below too: rro, rnosuid, … */
const ATTRIBUTES: Readonly<Record<string, MountAttributes>> = {
  ro: set(RDONLY),
  rw: clear(RDONLY),
  nosuid: set(NOSUID),
  suid: clear(NOSUID),
  nodev: set(NODEV),
  dev: clear(NODEV),
  noexec: set(NOEXEC),
  exec: clear(NOEXEC),
  nodiratime: set(NODIRATIME),
  diratime: clear(NODIRATIME),
  nosymfollow: set(NOSYMFOLLOW),
  symfollow: clear(NOSYMFOLLOW),
  noatime: atime(NOATIME),
  strictatime: atime(STRICTATIME),
  relatime: atime(0),
  atime: atime(0),
  norelatime: atime(0),
  nostrictatime: atime(0),
};

const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** Defaults, and words that only concern the kernel log. */
const NOTHING = ["defaults", "async", "nolazytime", "nomand", "silent", "loud"];
/** Words that other programs know and this one does not, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  idmap: "idmapped mounts are made from outside of the user namespace: nsexec --shift",
  ridmap: "idmapped mounts are made from outside of the user namespace: nsexec --shift",
  "copy-symlink": "a source that is a symbolic link is followed",
  "src-nofollow": "a source that is a symbolic link is followed",
  "dest-nofollow": "a symbolic link at the target is followed, within the root",
};

export interface MountFlags {
  readonly top: MountAttributes;
  /** For the mount and all below it. */
  readonly whole: MountAttributes;
  readonly propagation: { readonly kind: number; readonly recursive: boolean } | undefined;
  /** The source alone, or with all mounts below it. */
  readonly bind: "one" | "tree" | undefined;
  readonly remount: boolean;
  /** The contents of the target are copied into the new file system. */
  readonly copyUp: boolean;
  /** For fsconfig(2); null for an option without a value. */
  readonly data: Readonly<Record<string, string | null>>;
  /** Words that cannot be obeyed, and why. */
  readonly refused: readonly (readonly [word: string, why: string])[];
}

/** Reads option words in order: a later one wins. */
export function readFlags(words: readonly string[]): MountFlags {
  const flags = { top: set(0), whole: set(0), propagation: undefined, bind: undefined, remount: false, copyUp: false } as {
    -readonly [Key in keyof MountFlags]: MountFlags[Key];
  };
  const data: Record<string, string | null> = {};
  const refused: [string, string][] = [];
  for (const word of words) {
    const recursive = word.startsWith("r") && word !== "relatime";
    const bare = recursive ? word.slice(1) : word;
    if (Object.hasOwn(ATTRIBUTES, word)) flags.top = merge(flags.top, ATTRIBUTES[word]);
    else if (recursive && Object.hasOwn(ATTRIBUTES, bare)) flags.whole = merge(flags.whole, ATTRIBUTES[bare]);
    else if (Object.hasOwn(PROPAGATION, bare)) flags.propagation = { kind: PROPAGATION[bare] ?? 0, recursive };
    else if (bare === "bind") flags.bind = recursive ? "tree" : "one";
    else if (word === "remount") flags.remount = true;
    else if (word === "tmpcopyup") flags.copyUp = true;
    else if (Object.hasOwn(REFUSED, word.replace(/=.*/, ""))) refused.push([word, REFUSED[word.replace(/=.*/, "")] ?? ""]);
    else if (!NOTHING.includes(word) && !/^x-/i.test(word)) {
      const at = word.indexOf("=");
      data[at === -1 ? word : word.slice(0, at)] = at === -1 ? null : word.slice(at + 1);
    }
  }
  return { ...flags, data, refused };
}

function merge(before: MountAttributes, more: MountAttributes = set(0)): MountAttributes {
  return { set: (before.set & ~more.clear) | more.set, clear: before.clear | more.clear };
}
