// The flags of clone3(2), unshare(2) and setns(2) for namespaces, and CLONE_PARENT.

export const CLONE_NEWTIME = 0x80;
export const CLONE_PARENT = 0x8000;
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

export const CLONE_FLAGS: Readonly<Record<string, number>> = {
  CLONE_PARENT,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWUTS,
  CLONE_NEWNS,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
};
