// The kernel rules behind the errors that containers meet, and the mend. First match wins.

interface Rule {
  readonly syscall: string;
  readonly code: string;
  readonly when?: (args: string) => boolean;
  readonly say: string;
}

const RULES: readonly Rule[] = [
  {
    syscall: "clone3|clone|unshare",
    code: "EPERM",
    when: (args) => args.includes("CLONE_NEWUSER"),
    say: "creating a user namespace is forbidden here: kernel.unprivileged_userns_clone=0, kernel.apparmor_restrict_unprivileged_userns=1, a seccomp filter, or a chroot (user_namespaces(7): EPERM when the root differs from the mount namespace's)",
  },
  {
    syscall: "clone3|clone|unshare",
    code: "EPERM",
    say: "creating a namespace other than a user namespace needs CAP_SYS_ADMIN (namespaces(7)), which the root of a container may not have. Make a user namespace first, in which you are root: --user --map-root-user",
  },
  {
    syscall: "clone3|clone|unshare",
    code: "ENOSPC",
    say: "the limit on namespaces is reached: /proc/sys/user/max_*_namespaces, or 32 nested PID or user namespaces (namespaces(7), user_namespaces(7))",
  },
  {
    syscall: "clone3|clone",
    code: "EAGAIN",
    say: "no new process is allowed: RLIMIT_NPROC of this user, kernel.threads-max, kernel.pid_max, or pids.max of the cgroup (fork(2))",
  },
  {
    syscall: "clone3",
    code: "EBUSY",
    say: 'processes live only in leaf groups: this cgroup has controllers enabled for its children (cgroups(7), "no internal processes")',
  },
  {
    syscall: "clone3",
    code: "EOPNOTSUPP",
    say: "the cgroup is in a threaded subtree (its cgroup.type is `domain invalid`) and takes no processes: choose one whose parents are of type `domain` (cgroup-v2.rst, Threads)",
  },
  {
    syscall: "clone3",
    code: "EACCES",
    say: 'CLONE_INTO_CGROUP needs write access to cgroup.procs of the target and of the common ancestor (clone(2), cgroups(7) "delegation containment")',
  },
  {
    syscall: "unshare|clone3|clone",
    code: "EINVAL",
    when: (args) => args.includes("CLONE_NEWTIME"),
    say: "this kernel has no time namespaces (CONFIG_TIME_NS; time_namespaces(7), since Linux 5.6)",
  },
  {
    syscall: "setns",
    code: "EPERM",
    say: "joining a namespace needs CAP_SYS_ADMIN in the user namespace that owns it, and for most kinds in one's own too (setns(2)), which the root of a container may not have. Join the owner first: --user",
  },
  {
    syscall: "setns",
    code: "EINVAL",
    say: "the kernel refuses one's own user namespace, a PID namespace that is not a descendant of one's own, and a user or mount namespace for a process with several threads (setns(2))",
  },
  {
    syscall: "keyctl",
    code: "EDQUOT",
    say: "this user has as many keys as allowed (kernel.keys.maxkeys and maxbytes, root's are root_maxkeys and root_maxbytes; /proc/key-users counts them). Every container has one: raise the limit with sysctl, or share the caller's keyring with --keep-keyring",
  },
  {
    syscall: "mount",
    code: "EPERM",
    when: (args) => args.includes('"proc"'),
    say: 'in a user namespace a fresh /proc is refused while the visible one is partly covered ("mount too revealing"), as inside docker, and when the PID namespace is not one\'s own. Give the outer container an unmasked /proc (docker: --security-opt systempaths=unconfined) or use --no-proc',
  },
  {
    syscall: "mount",
    code: "EPERM",
    when: (args) => args.includes('"sysfs"'),
    say: "in a user namespace sysfs can only be mounted by the owner of the network namespace: create one too (--net)",
  },
  {
    syscall: "mount_setattr",
    code: "EINVAL",
    when: (args) => args.includes("MOUNT_ATTR_IDMAP"),
    say: "this file system has no idmapped mounts in this kernel: ext4, xfs and FAT have them since Linux 5.12, btrfs since 5.15, f2fs since 5.18, erofs since 5.19, squashfs since 6.2, tmpfs since 6.3; procfs, sysfs, devtmpfs, overlay itself and hostfs do not (mount_setattr(2))",
  },
  {
    syscall: "mount_setattr",
    code: "EPERM",
    when: (args) => args.includes("MOUNT_ATTR_IDMAP"),
    say: "the mount has an id map already, or this process has no CAP_SYS_ADMIN in the user namespace in which the file system was mounted, as inside another container (mount_setattr(2)); a seccomp filter may refuse it too",
  },
  {
    syscall: "mount_setattr",
    code: "ENOSYS",
    when: (args) => args.includes("MOUNT_ATTR_IDMAP"),
    say: "idmapped mounts came with Linux 5.12 (mount_setattr(2))",
  },
  {
    syscall: "mount|umount2|pivot_root|mount_setattr|open_tree",
    code: "EPERM",
    say: "mounting needs CAP_SYS_ADMIN in the user namespace that owns this mount namespace (mount_namespaces(7)), which the root of a container may not have. It is there in a user namespace of one's own: nsexec --user --map-root-user --mount",
  },
  {
    syscall: "mount",
    code: "EINVAL",
    when: (args) => /^"\/proc\/[^"]*\/ns\/mnt"/.test(args),
    say: "a mount namespace is kept only on a private mount (mount --make-private), in a mount namespace that is older than it (mount_namespaces(7)). Linux 6.18 numbers namespaces by CPU, so that a new one may count as the older one: then the same again on another CPU works, taskset -c 0 …",
  },
  {
    syscall: "mount",
    code: "EINVAL",
    when: (args) => args.includes("MS_BIND") && !args.includes("MS_REC"),
    say: "a user namespace may only bind a whole tree of mounts it did not make itself: MS_REC is needed (mount_namespaces(7), locked mounts)",
  },
  {
    syscall: "mount",
    code: "EINVAL",
    when: (args) => /^NULL, "\/", NULL, MS_REC\|MS_(PRIVATE|SLAVE|SHARED)/.test(args),
    say: "the root of this process is not a mount point, as in a chroot; bind the directory on itself before the chroot (mount --bind DIR DIR)",
  },
  {
    syscall: "mount",
    code: "ENODEV",
    say: "this kernel does not know the file system: see /proc/filesystems",
  },
  {
    syscall: "pivot_root",
    code: "EINVAL",
    say: "pivot_root(2) refuses a new root that is not a mount point, a shared parent mount, and a current root that is the initramfs or is not itself a mount point (a chroot)",
  },
  {
    syscall: "pivot_root",
    code: "EBUSY",
    say: "the new root is on the same mount as the current root (pivot_root(2))",
  },
  {
    syscall: "umount2",
    code: "EBUSY",
    say: "something still uses this mount: an open file, a working directory, or a mount below it (umount(2))",
  },
  {
    syscall: "sethostname",
    code: "EPERM",
    say: "changing the host name needs CAP_SYS_ADMIN in the user namespace that owns the UTS namespace: add --uts, and --user --map-root-user without root",
  },
  {
    syscall: "setresuid|setresgid|setgroups",
    code: "EINVAL",
    say: "this id has no mapping in the user namespace: see /proc/self/uid_map and gid_map (user_namespaces(7))",
  },
  {
    syscall: "setresuid|setresgid",
    code: "EPERM",
    say: "another id is taken only by who has CAP_SETUID, for a group CAP_SETGID, in this user namespace (setresuid(2)); root has them unless they were taken away",
  },
  {
    syscall: "prctl",
    code: "EPERM",
    when: (args) => args.includes("PR_CAPBSET_DROP"),
    say: "the bounding set is lowered only by who has CAP_SETPCAP in this user namespace (capabilities(7)); root has it unless it was taken away. --no-new-privs alone needs none: then no program can gain anything",
  },
  {
    syscall: "prctl",
    code: "EPERM",
    when: (args) => args.includes("PR_CAP_AMBIENT"),
    say: "an ambient capability must be in the permitted and in the inheritable set (capabilities(7)): this process does not have it",
  },
  {
    syscall: "capset",
    code: "EPERM",
    say: "no capability comes into the permitted set that is not there already, nor into the inheritable one beyond the bounding set (capset(2)): this process does not have one of these",
  },
  {
    syscall: "seccomp",
    code: "EACCES",
    say: "a filter needs no_new_privs, or CAP_SYS_ADMIN in this user namespace (seccomp(2))",
  },
  {
    syscall: "seccomp",
    code: "EBUSY",
    say: "one filter of this process has a listener already, and there can be one (seccomp_unotify(2)): --trace-denied inside --trace-denied",
  },
  {
    syscall: "setgroups",
    code: "EPERM",
    say: "the supplementary groups cannot be dropped: setgroups is denied in this user namespace (/proc/self/setgroups), it has no gid_map, or CAP_SETGID is missing (user_namespaces(7))",
  },
  {
    syscall: "write",
    code: "EPERM",
    when: (args) => /[ug]id_map/.test(args),
    say: "without privilege a map may hold one line that maps one's own effective id, and gid_map only after `deny` went to setgroups (user_namespaces(7)). newuidmap and newgidmap map ranges from /etc/subuid: --map-auto",
  },
  {
    syscall: "write",
    code: "EACCES",
    when: (args) => args.includes("timens_offsets"),
    say: "offsets can be set only while the time namespace has no process yet, and need CAP_SYS_TIME in its user namespace (time_namespaces(7))",
  },
  {
    syscall: "write",
    code: "ERANGE",
    when: (args) => args.includes("timens_offsets"),
    say: "the clock would become negative or pass half of its range (time_namespaces(7))",
  },
  {
    syscall: "prlimit64",
    code: "EPERM",
    say: "only CAP_SYS_RESOURCE of the first user namespace raises a hard limit, and no one raises that of open files above /proc/sys/fs/nr_open (getrlimit(2))",
  },
  {
    syscall: "fsopen",
    code: "ENODEV",
    say: "this kernel does not know the file system: see /proc/filesystems",
  },
  {
    syscall: "ioctl",
    code: "EPERM",
    when: (args) => args.includes("SIOCSIFFLAGS"),
    say: "bringing an interface up needs CAP_NET_ADMIN in the user namespace that owns the network namespace (netdevice(7))",
  },
  {
    syscall: "bind",
    code: "EADDRINUSE",
    when: (args) => args.includes("sin_port"),
    say: "another socket of this network namespace has the port (ip(7)): `ss -lntup` tells which; choose another one",
  },
  {
    syscall: "bind",
    code: "EACCES",
    when: (args) => args.includes("sin_port"),
    say: "ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE (ip(7))",
  },
  {
    syscall: "bind",
    code: "EADDRNOTAVAIL",
    when: (args) => args.includes("sin_port"),
    say: "no interface of this network namespace has the address (ip(7)); without one every address is meant",
  },
  {
    syscall: "RTM_NEWLINK|RTM_DELLINK|RTM_NEWADDR|RTM_NEWROUTE",
    code: "EPERM",
    say: "changing a network namespace needs CAP_NET_ADMIN in the user namespace that owns it, and a veth pair touches two of them (network_namespaces(7)), which the root of a container may not have",
  },
  {
    syscall: "RTM_NEWLINK",
    code: "EOPNOTSUPP",
    say: "this kernel does not know the kind of interface: `modprobe veth`, `modprobe bridge` (CONFIG_VETH, CONFIG_BRIDGE)",
  },
  {
    syscall: "RTM_NEWLINK",
    code: "EEXIST",
    say: "an interface of one of these names is there already: names are unique in a network namespace (rtnetlink(7))",
  },
  {
    syscall: "RTM_NEWLINK",
    code: "EXFULL",
    say: "the bridge is full: it has at most 1023 ports (BR_MAX_PORTS in net/bridge/br_private.h)",
  },
  {
    syscall: "RTM_NEWROUTE",
    code: "ENETUNREACH",
    say: "a gateway must be in the network of an address that an interface here has (rtnetlink(7))",
  },
  {
    syscall: "RTM_NEWROUTE|RTM_NEWADDR",
    code: "EEXIST",
    say: "the interface has that address, or this namespace that route, already: `veth --show PID` lists them",
  },
  {
    syscall: "clone3|clone",
    code: "ENOMEM",
    say: "PID 1 of the PID namespace has ended, and no process can be made in it any more (pid_namespaces(7)); or memory is short",
  },
  {
    syscall: "bpf",
    code: "EPERM",
    when: (args) => args.includes("PROG_LOAD"),
    say: "a device program is loaded only by who has CAP_BPF and CAP_NET_ADMIN, before Linux 5.8 CAP_SYS_ADMIN, in the first user namespace (capabilities(7)): as root of the host. A seccomp filter may refuse bpf(2) too, as docker's does",
  },
  {
    syscall: "bpf",
    code: "EPERM",
    say: "a group above this one has a program attached that lets no group below have its own (bpf(2), BPF_F_ALLOW_MULTI), or this process has no CAP_NET_ADMIN",
  },
  {
    syscall: "bpf",
    code: "EINVAL",
    say: "this kernel has no device programs for groups: they need CONFIG_CGROUP_BPF (since Linux 4.15)",
  },
  {
    syscall: "bpf",
    code: "ENOSYS",
    say: "this kernel has no bpf(2): device programs need CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF",
  },
  {
    syscall: "bpf",
    code: "E2BIG",
    say: "the program for these rules is longer than the kernel takes: fewer rules, with * for whole ranges",
  },
  {
    syscall: "openat2",
    code: "ELOOP",
    say: "there are more than 40 symbolic links, or one of /proc's own (/proc/PID/fd, cwd, root), which are not followed: they could lead out of the container",
  },
  {
    syscall: "openat2",
    code: "ENOSYS",
    say: "openat2(2) came with Linux 5.6; without it a symbolic link in the rootfs could redirect a mount to the host, so we stop",
  },
];

/** The rule that explains why `syscall` failed with `code`, if one is known. */
export function ruleFor(syscall: string, code: string, args: readonly string[]): string | undefined {
  const text = args.join(", ");
  return RULES.find((r) => r.syscall.split("|").includes(syscall) && r.code === code && (r.when?.(text) ?? true))?.say;
}

/** Every rule kept for an errno, of one system call or of all. */
export function rulesOf(code: string, syscall?: string): { readonly syscalls: readonly string[]; readonly say: string }[] {
  return RULES.map(({ syscall: names, ...rule }) => ({ ...rule, syscalls: names.split("|") }))
    .filter((rule) => rule.code === code && (syscall === undefined || rule.syscalls.includes(syscall)))
    .map(({ syscalls, say }) => ({ syscalls, say }));
}
