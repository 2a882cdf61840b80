// Errors of programs in containers, in addition to those of our own tools (kernel/src/ffi/ruletable.ts).

interface KnownError {
  /** Names with blanks between. */
  readonly syscalls: string;
  readonly code: string;
  readonly say: string;
  readonly fix?: string;
}

const rows = (text: string): KnownError[] =>
  text
    .trim()
    .split("\n")
    .map((line) => {
      const [syscalls = "", code = "", say = "", fix] = line.split(" | ").map((cell) => cell.trim());
      return { syscalls, code, say, ...(fix === undefined ? {} : { fix }) };
    });

/** System calls | errno | the rule | the fix. */
export const ERRORS: readonly KnownError[] = rows(`
execve | ENOENT | the file does not exist inside this root, or its interpreter does not: the loader of a dynamic program (PT_INTERP) or the program of a #! line | look with \`file PROG\`; copy the loader and its libraries, or use a static program; a #! line that ends in \\r names no file
execve | EACCES | it is no regular file, has no execute permission for these ids, or lies on a mount with noexec; a directory above it may refuse search | chmod +x, or a mount without noexec
execve | ENOEXEC | the format is not recognised: a script without #!, or a program for another architecture (then binfmt_misc with qemu would run it) | a #! line, or an image for this architecture
execve | EPERM | the file system is mounted nosuid or the process is traced while the program is set-user-ID, or a security module refuses
execve | E2BIG | arguments and environment exceed a quarter of RLIMIT_STACK, or one string exceeds 128 KiB (execve(2))
execve | ETXTBSY | the file is open for writing by some process (fuser shows it)
execve | EAGAIN | RLIMIT_NPROC was exceeded by a change of user id, which is told at execve (execve(2)) | --ulimit nproc
execve | ELOOP | too many symbolic links, or a #! interpreter that is itself a script more than four levels deep
execve | ENOMEM | memory is short, or memory.max of the group is reached
clone clone3 | ENOSYS | a seccomp profile answers so for clone3, that the C library may fall back to clone: old docker does (before 20.10.10) | a newer engine, or another seccomp profile
clone clone3 unshare | EINVAL | a combination of flags that the kernel refuses: CLONE_NEWUSER in a process with several threads, CLONE_FS with CLONE_NEWNS, an unknown flag
openat | EACCES | the permission bits refuse it to these ids, or a directory on the way refuses search; with a user namespace, ids of files that are not mapped look like 65534 and nobody's capabilities reach them (user_namespaces(7)) | chown to an id that is mapped inside, or map the owner (idmapped mounts, --user)
openat | EACCES | a device node on a mount with nodev, which every mount made in a user namespace has (mount_namespaces(7)) | bind the host's node: --device, or --volume of the node
openat | EPERM | a device that the list of the group refuses (an eBPF program of the device controller, cgroup-v2.rst) | --device HOST
openat | EPERM | the file is immutable or append-only (chattr), or O_NOATIME was asked for by somebody who is not its owner
openat mkdir mknod unlink rename link chmod chown symlink truncate utimensat | EROFS | the mount is read-only, or the whole file system is; in a container the root usually is: \`contain explain PID\` says which mounts are not | write to a volume or tmpfs (--volume, --tmpfs), or --rw, --overlay
openat | ENOENT | no such file inside this root; or its working directory was removed
openat | EMFILE | RLIMIT_NOFILE of this process is reached (getrlimit(2)) | --ulimit nofile=SOFT:HARD, or close descriptors
openat socket pipe accept | ENFILE | fs.file-max of the whole machine is reached
socket pipe accept dup epoll_create eventfd signalfd timerfd_create memfd_create | EMFILE | RLIMIT_NOFILE of this process is reached (getrlimit(2)) | --ulimit nofile=SOFT:HARD, or close descriptors
openat | ENXIO | a device node without a driver behind it, a FIFO without a reader opened O_WRONLY|O_NONBLOCK, or /dev/tty without a controlling terminal
openat | ENODEV | a device node whose device is not there
openat | ETXTBSY | writing to a program that runs just now
openat mkdir mknod link symlink write truncate | ENOSPC | the file system is full, or out of inodes (df -i); a tmpfs has its own size | --tmpfs DST:SIZE, or room on the host
openat mkdir write | EDQUOT | the quota of the user or project is used up (quota(1))
openat | ELOOP | more than 40 symbolic links, or O_NOFOLLOW on one
write | EIO | the device failed, or a process of a background group wrote to a terminal it lost
write | EPIPE | the reader has gone; SIGPIPE comes too, unless it is ignored (pipe(7))
write | EFBIG | RLIMIT_FSIZE is reached (getrlimit(2)), or the largest file of this file system
write | EBUSY | to cgroup.subtree_control of a group with processes of its own: "no internal processes" (cgroups(7)); or a cpuset or device in use | move the processes to a child group first
write | EAGAIN | to a pipe or socket that is non-blocking and full; to memory.max and others under contention: again
write | EOPNOTSUPP | to cgroup.procs of a threaded domain, or to a file of a controller that the type of the group does not allow (cgroups(7), "Thread mode")
write | EINVAL | the kernel file does not take this value: a limit that is no number, an id map with overlaps or more than 340 lines, a controller that the parent does not have
write | EACCES | to cgroup.procs: the common ancestor must be writable too (cgroups(7), "Delegation containment"); to a file of /proc or /sys that a read-only mount or a mask protects
write | ENODEV | to io.max or memory.* for a device or a node that is not there
mkdir | EAGAIN | in a cgroup: cgroup.max.descendants or cgroup.max.depth of an ancestor is reached (cgroup-v2.rst)
mkdir openat unlink rename | EACCES | write permission on the directory is missing for these ids; sticky directories like /tmp allow only owners
unlink rename rmdir | EBUSY | the file or directory is a mount point, in this mount namespace; of a bind-mounted single file (docker -v file) rename over it fails so | write into the file instead of replacing it, or bind its directory
rmdir | EBUSY | of a cgroup: it has processes or child groups (populated 1 in cgroup.events); of a directory: a mount point, or somebody's root (cgroups(7)) | cgset --name NAME --kill --rm
rmdir | ENOTEMPTY | files are left in it; on overlay also whiteouts of a broken upper layer
rename link | EXDEV | across two mounts, even of the same file system; and on overlay for a directory of a lower layer, without redirect_dir (overlayfs.rst) | copy instead, or bind a common parent
mknod mount setresuid setresgid unshare ptrace | EPERM | a seccomp filter answers so, whatever the capabilities are (seccomp(2)): Seccomp in /proc/PID/status is 2 then, as \`contain explain PID\` tells
mknod | EPERM | the list of devices of the group refuses it (cgroup-v2.rst "Device controller"), root with CAP_MKNOD too | --device HOST
mknod | EPERM | device nodes need CAP_MKNOD in the first user namespace (mknod(2)) | bind the host's node: --volume /dev/fuse:/dev/fuse
chown | EPERM | CAP_CHOWN is missing, or the file's owner is not mapped in this user namespace (user_namespaces(7)); on NFS root_squash
chown | EINVAL | the id is not mapped in this user namespace: /proc/self/uid_map (user_namespaces(7)) | a larger range: --map-auto, /etc/subuid
chmod | EPERM | only the owner or CAP_FOWNER may; the owner may be unmapped here (user_namespaces(7))
mount | EACCES | a path on the way refuses search, the source is read-only and MS_RDONLY was not asked for, or the block device lies on a mount with nodev
mount | EBUSY | the source is mounted already in another way, the target is busy on a remount (files open for writing), or an overlay's upperdir or workdir is in use by another mount (overlayfs.rst)
mount | ENOENT | target, source or a directory in the options (lowerdir, upperdir) does not exist in this mount namespace
mount | ENOTDIR | a file is to be mounted on a directory, or a directory on a file
mount | ENOTBLK | the source is no block device; a file needs a loop device (mount -o loop)
mount | EINVAL | a bad superblock or option; a move of a shared mount; a mount point that is not one for MS_REMOUNT (mount(2)); for overlay: upperdir on another overlay or on NFS (dmesg says which)
mount | ESTALE | an overlay's layers are not those it was made of (index=on), or the NFS server forgot the file
umount2 | EINVAL | it is no mount point in this mount namespace, or a mount that came with the user namespace and is locked (mount_namespaces(7))
kill | EPERM | another user's process, without CAP_KILL in its user namespace (kill(2)); or a security module, as docker's AppArmor profile for signals from outside
kill | ESRCH | no such process in this PID namespace: PIDs inside and outside differ (pid_namespaces(7))
ptrace | EPERM | CAP_SYS_PTRACE is missing in its user namespace, it is not dumpable, it has a tracer already, or kernel.yama.ptrace_scope forbids it (ptrace(2)) | --cap-add SYS_PTRACE in docker, or trace a child
connect | ECONNREFUSED | nobody listens there: in a network namespace of its own 127.0.0.1 is the container, not the host
connect sendto | ENETUNREACH | no route: a new network namespace has loopback alone (network_namespaces(7)) | contain run --net veth; veth PID --address …
connect sendto | EHOSTUNREACH | the gateway does not answer, or a firewall rejects
connect | ETIMEDOUT | packets are dropped: a firewall, or a route that leads nowhere
connect | EACCES | a UNIX socket that these ids may not write to, or a broadcast address; a firewall may answer so too
socket | EPERM | raw and packet sockets need CAP_NET_RAW (raw(7), packet(7)); unprivileged ping needs net.ipv4.ping_group_range
socket | EACCES | the same for a protocol that these ids may not use (icmp(7))
socket | EAFNOSUPPORT | the kernel has no such family (ipv6.disable=1), or seccomp filters it out
mmap mprotect | ENOMEM | RLIMIT_AS or RLIMIT_DATA, vm.max_map_count, or strict overcommit (vm.overcommit_memory=2); memory.max of a group does not fail mmap, it kills (mmap(2))
mmap | EPERM | PROT_EXEC of a file on a mount with noexec, or a huge page without permission
mmap | EAGAIN | RLIMIT_MEMLOCK with MAP_LOCKED (mmap(2))
mlock | ENOMEM | RLIMIT_MEMLOCK (mlock(2)) | --ulimit memlock
mprotect | EACCES | writing or execution that a security module or the file's mount refuses
inotify_init | EMFILE | fs.inotify.max_user_instances, which all containers of one user share (inotify(7)), or RLIMIT_NOFILE of the process | sysctl on the host
inotify_add_watch | ENOSPC | fs.inotify.max_user_watches, which all containers of one user share (inotify(7)); never a full disk | sysctl on the host
getcwd | ENOENT | the working directory was removed, or it lies outside this root (getcwd(2))
chroot | EPERM | CAP_SYS_CHROOT is missing in the user namespace (capabilities(7))
chdir | EACCES | a directory on the way refuses search to these ids
setns | ENOSPC | the limit on namespaces of the user is reached (namespaces(7))
sched_setscheduler setpriority | EPERM | CAP_SYS_NICE is missing, or RLIMIT_NICE and RLIMIT_RTPRIO allow less; under cgroup v1 with CONFIG_RT_GROUP_SCHED a group needs cpu.rt_runtime_us (sched(7))
setpriority | EACCES | a lower nice value needs CAP_SYS_NICE or RLIMIT_NICE (setpriority(2))
clock_settime adjtimex | EPERM | CAP_SYS_TIME in the first user namespace: the clock is the whole machine's (capabilities(7))
reboot init_module kexec_load swapon | EPERM | only with capabilities in the first user namespace (capabilities(7)); reboot(2) in a PID namespace ends its init instead
perf_event_open | EPERM | CAP_PERFMON or CAP_SYS_ADMIN is missing, kernel.perf_event_paranoid forbids it, or docker's seccomp profile does
perf_event_open | EACCES | kernel.perf_event_paranoid (perf_event_open(2))
keyctl add_key | EPERM | docker's seccomp profile refuses it: keyrings are not in any namespace
add_key | EDQUOT | kernel.keys.maxkeys of this user: containers of one uid share it (keyrings(7))
io_uring_setup | EPERM | kernel.io_uring_disabled, or the engine's seccomp profile (docker since 25) | a program that falls back to epoll
userfaultfd | EPERM | vm.unprivileged_userfaultfd=0 without CAP_SYS_PTRACE (userfaultfd(2))
ioctl | ENOTTY | not a terminal: a container without -t has none on its standard input | --tty
ioctl | EPERM | the device or terminal is another session's, or the capability for this request is missing (capabilities(7))
setxattr | EOPNOTSUPP | this file system keeps no such attributes; tmpfs has no user.* before Linux 6.6
setxattr | EPERM | trusted.* and security.* need privileges in the first user namespace (xattr(7))
shmget semget msgget | ENOSPC | kernel.shmmni, sem or msgmni of this IPC namespace (sysvipc(7))
`);
