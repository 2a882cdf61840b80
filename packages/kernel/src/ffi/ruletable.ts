// The kernel rules behind errors that containers meet, with their fixes.

/** What to say for an errno: always, or for the first pattern that fits the arguments as strace prints them. An empty pattern fits all. */
type ByErrno = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** By system call; the first that fits counts. */
export const rules = (): Readonly<Record<string, ByErrno>> => ({
  "clone3|clone|unshare": {
    EPERM: {
      CLONE_NEWUSER:
        "creating a user namespace is forbidden here: kernel.unprivileged_userns_clone=0, kernel.apparmor_restrict_unprivileged_userns=1, a seccomp filter, or a chroot (user_namespaces(7): EPERM when the root differs from the mount namespace's)",
      "": "creating a namespace other than a user namespace needs CAP_SYS_ADMIN (namespaces(7)), which the root of a container may not have. Make a user namespace first, in which you are root: --user --map-root-user",
    },
    ENOSPC:
      "the limit on namespaces is reached: /proc/sys/user/max_*_namespaces, or 32 nested PID or user namespaces (namespaces(7), user_namespaces(7))",
    EINVAL: {
      CLONE_NEWTIME: "this kernel has no time namespaces (CONFIG_TIME_NS; time_namespaces(7), since Linux 5.6)",
    },
  },
  "clone3|clone": {
    EAGAIN: "no new process is allowed: RLIMIT_NPROC of this user, kernel.threads-max, kernel.pid_max, or pids.max of the cgroup (fork(2))",
    ENOMEM: "PID 1 of the PID namespace has ended, and no process can be made in it any more (pid_namespaces(7)); or memory is short",
  },
  clone3: {
    EBUSY: 'processes live only in leaf groups: this cgroup has controllers enabled for its children (cgroups(7), "no internal processes")',
    EOPNOTSUPP:
      "the cgroup is in a threaded subtree (its cgroup.type is `domain invalid`) and takes no processes: choose one whose parents are of type `domain` (cgroup-v2.rst, Threads)",
    EACCES:
      'CLONE_INTO_CGROUP needs write access to cgroup.procs of the target and of the common ancestor (clone(2), cgroups(7) "delegation containment")',
  },
  setns: {
    EPERM:
      "joining a namespace needs CAP_SYS_ADMIN in the user namespace that owns it, and for most kinds in the caller's too (setns(2)), which the root of a container may not have. Join the owner first: --user",
    EINVAL:
      "the kernel refuses the caller's own user namespace, a PID namespace that is not a descendant of the caller's, and a user or mount namespace for a process with several threads (setns(2))",
  },
  keyctl: {
    EDQUOT:
      "this user has as many keys as allowed (kernel.keys.maxkeys and maxbytes, root's are root_maxkeys and root_maxbytes; /proc/key-users counts them). Every container has one: raise the limit with sysctl, or share the caller's keyring with --keep-keyring",
  },
  mount: {
    EPERM: {
      '"proc"':
        'in a user namespace a fresh /proc is refused while the visible one is partly covered ("mount too revealing"), as inside docker, and when the PID namespace is not one\'s own. Give the outer container an unmasked /proc (docker: --security-opt systempaths=unconfined) or use --no-proc',
      '"sysfs"': "in a user namespace sysfs can only be mounted by the owner of the network namespace: create one too (--net)",
    },
    EINVAL: {
      '^"/proc/[^"]*/ns/mnt"':
        "a mount namespace is kept only on a private mount (mount --make-private), in a mount namespace that is older than it (mount_namespaces(7)). Linux 6.18 numbers namespaces by CPU, so a new one may count as the older one: then it works on another CPU, taskset -c 0 …",
      "^(?!.*MS_REC).*MS_BIND":
        "a user namespace may only bind a whole tree of mounts it did not make itself: MS_REC is needed (mount_namespaces(7), locked mounts)",
      '^NULL, "/", NULL, MS_REC\\|MS_(PRIVATE|SLAVE|SHARED)':
        "the root of this process is not a mount point, as in a chroot; bind the directory on itself before the chroot (mount --bind DIR DIR)",
    },
    ENODEV: "this kernel does not know the file system: see /proc/filesystems",
  },
  mount_setattr: {
    EINVAL: {
      MOUNT_ATTR_IDMAP:
        "this file system has no idmapped mounts in this kernel: ext4, xfs and FAT have them since Linux 5.12, btrfs since 5.15, f2fs since 5.18, erofs since 5.19, squashfs since 6.2, tmpfs since 6.3; procfs, sysfs, devtmpfs, overlay itself and hostfs do not (mount_setattr(2))",
    },
    EPERM: {
      MOUNT_ATTR_IDMAP:
        "the mount has an id map already, or this process has no CAP_SYS_ADMIN in the user namespace in which the file system was mounted, as inside another container (mount_setattr(2)); a seccomp filter may refuse it too",
    },
    ENOSYS: {
      MOUNT_ATTR_IDMAP: "idmapped mounts came with Linux 5.12 (mount_setattr(2))",
    },
  },
  "mount|umount2|pivot_root|mount_setattr|open_tree": {
    EPERM:
      "mounting needs CAP_SYS_ADMIN in the user namespace that owns this mount namespace (mount_namespaces(7)), which the root of a container may not have. A new user namespace gives it: nsexec --user --map-root-user --mount",
  },
  pivot_root: {
    EINVAL:
      "pivot_root(2) refuses a new root that is not a mount point, a shared parent mount, and a current root that is the initramfs or is not itself a mount point (a chroot)",
    EBUSY: "the new root is on the same mount as the current root (pivot_root(2))",
  },
  umount2: {
    EBUSY: "something still uses this mount: an open file, a working directory, or a mount below it (umount(2))",
  },
  sethostname: {
    EPERM:
      "changing the host name needs CAP_SYS_ADMIN in the user namespace that owns the UTS namespace: add --uts, and --user --map-root-user without root",
  },
  "setresuid|setresgid|setgroups": {
    EINVAL: "this id has no mapping in the user namespace: see /proc/self/uid_map and gid_map (user_namespaces(7))",
  },
  "setresuid|setresgid": {
    EPERM:
      "changing to another id needs CAP_SETUID, for a group CAP_SETGID, in this user namespace (setresuid(2)); root has them unless they were taken away",
  },
  prctl: {
    EPERM: {
      PR_CAPBSET_DROP:
        "lowering the bounding set needs CAP_SETPCAP in this user namespace (capabilities(7)); root has it unless it was taken away. --no-new-privs alone needs no capability: then no program can gain any",
      PR_CAP_AMBIENT:
        "an ambient capability must be in the permitted and in the inheritable set (capabilities(7)): this process does not have it",
    },
  },
  capset: {
    EPERM:
      "the permitted set can only be lowered, and the inheritable set gets nothing outside the bounding set (capset(2)): this process does not have one of these",
  },
  seccomp: {
    EACCES: "a filter needs no_new_privs, or CAP_SYS_ADMIN in this user namespace (seccomp(2))",
    EBUSY:
      "one filter of this process has a listener already, and there can be only one (seccomp_unotify(2)): --trace-denied inside --trace-denied",
  },
  setgroups: {
    EPERM:
      "the supplementary groups cannot be dropped: setgroups is denied in this user namespace (/proc/self/setgroups), it has no gid_map, or CAP_SETGID is missing (user_namespaces(7))",
  },
  write: {
    EPERM: {
      "[ug]id_map":
        "without privilege a map may have only one line, for the caller's own effective id, and gid_map only after `deny` was written to setgroups (user_namespaces(7)). newuidmap and newgidmap map ranges from /etc/subuid: --map-auto",
    },
    EACCES: {
      timens_offsets:
        "offsets can be set only while the time namespace has no process yet, and need CAP_SYS_TIME in its user namespace (time_namespaces(7))",
    },
    ERANGE: {
      timens_offsets: "the clock would become negative or pass half of its range (time_namespaces(7))",
    },
  },
  prlimit64: {
    EPERM:
      "only CAP_SYS_RESOURCE of the first user namespace raises a hard limit, and no one raises that of open files above /proc/sys/fs/nr_open (getrlimit(2))",
  },
  fsopen: {
    ENODEV: "this kernel does not know the file system: see /proc/filesystems",
  },
  ioctl: {
    EPERM: {
      SIOCSIFFLAGS: "bringing an interface up needs CAP_NET_ADMIN in the user namespace that owns the network namespace (netdevice(7))",
    },
  },
  bind: {
    EADDRINUSE: {
      sin_port:
        "another socket of this network namespace has the port (ip(7)), and containers on the host's network share its ports: `ss -lntup` shows which; choose another port, or give the container its own network",
    },
    EACCES: {
      sin_port:
        "a port below net.ipv4.ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE in the user namespace that owns the network namespace (ip(7))",
    },
    EADDRNOTAVAIL: {
      sin_port: "no interface of this network namespace has the address (ip(7)); without one every address is meant",
    },
  },
  "RTM_NEWLINK|RTM_DELLINK|RTM_NEWADDR|RTM_NEWROUTE": {
    EPERM:
      "changing a network namespace needs CAP_NET_ADMIN in the user namespace that owns it, and a veth pair touches two of them (network_namespaces(7)), which the root of a container may not have",
  },
  RTM_NEWLINK: {
    EOPNOTSUPP: "this kernel does not know the kind of interface: `modprobe veth`, `modprobe bridge` (CONFIG_VETH, CONFIG_BRIDGE)",
    EEXIST: "an interface of one of these names is there already: names are unique in a network namespace (rtnetlink(7))",
    EXFULL: "the bridge is full: it takes at most 1023 ports (BR_MAX_PORTS in net/bridge/br_private.h)",
  },
  RTM_NEWROUTE: {
    ENETUNREACH: "a gateway must be in the network of an address that an interface here has (rtnetlink(7))",
  },
  "RTM_NEWROUTE|RTM_NEWADDR": {
    EEXIST: "the interface has that address, or this namespace that route, already: `veth --show PID` lists them",
  },
  bpf: {
    EPERM: {
      PROG_LOAD:
        "loading a device program needs CAP_BPF and CAP_NET_ADMIN, before Linux 5.8 CAP_SYS_ADMIN, in the first user namespace (capabilities(7)): as root of the host. A seccomp filter may refuse bpf(2) too, as docker's does",
      "": "a group above this one has a program attached that lets no group below have its own (bpf(2), BPF_F_ALLOW_MULTI), or this process has no CAP_NET_ADMIN",
    },
    EINVAL: "this kernel has no device programs for groups: they need CONFIG_CGROUP_BPF (since Linux 4.15)",
    ENOSYS: "this kernel has no bpf(2): device programs need CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF",
    E2BIG: "the program for these rules is longer than the kernel takes: fewer rules, with * for whole ranges",
  },
  openat2: {
    ELOOP:
      "there are more than 40 symbolic links, or one of /proc's own (/proc/PID/fd, cwd, root), which are not followed: they could lead out of the container",
    ENOSYS: "openat2(2) came with Linux 5.6; without it a symbolic link in the rootfs could redirect a mount to the host, so we stop",
  },
});
