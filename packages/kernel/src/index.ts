// System calls: typed, traced, explained when they fail. Nothing here knows a tool.
// biome-ignore-all assist/source/organizeImports: a line holds what fits in it, and a long file has several
export { availableControllers, cgroupField, cgroupOf, findHierarchy, groupDirectory, groupProcesses } from "./cgroup/cgroup.ts";
export { type Hierarchy, isFrozen, isWritable, makeGroup, notDelegated, openGroup } from "./cgroup/cgroup.ts";
export {
  checkParent,
  controllerOnV1,
  enableAvailable,
  enableControllers,
  groupsDownTo,
  groupType,
  missingController,
} from "./cgroup/controllers.ts";
export { type Device, deviceAt, deviceOf } from "./cgroup/device.ts";
export { devicePrograms, setDevices, whyNoDeviceProgram } from "./cgroup/devicegroup.ts";
export { DEVICE_ACCESS, type DeviceRule } from "./cgroup/deviceprogram.ts";
export { childGroups, killGroup, removeGroup, waitForField, waitUntilEmpty } from "./cgroup/groupend.ts";
export { codeOf, type Diagnosis, ExecError, errnoMeaning, errnoName, type Fact, failedWith, SyscallError, ToolError } from "./ffi/errno.ts";
export { UsageError } from "./ffi/errno.ts";
export { isNative, usesMusl } from "./ffi/koffi.ts";
export { declare, declareSyscall, ERRNO, errno, SYS, setErrno } from "./ffi/libc.ts";
export { parseCount, parseLimit, parseSize, parseTime } from "./ffi/parse.ts";
export { jsonText, printable, shortened } from "./ffi/printable.ts";
export { rulesOf } from "./ffi/rules.ts";
export { type CStrings, stringArray, type Words } from "./ffi/strings.ts";
export { flags, quote, say, setTracer, shellQuote, sys, type TraceMode, trace, tracer } from "./ffi/trace.ts";
export { bytesOf, chownAt, fchmod, linkAt, mkdirAt, mknodAt, openAt, readlinkAt, setAttribute, setTimesAt } from "./file/at.ts";
export { statAt, symlinkAt, textOf, unlinkAt } from "./file/at.ts";
export { chmod, chown, fchown, makeDirectories, mkdir, readdir, readlink, rename, rmdir, subdirectories } from "./file/directory.ts";
export { readdirBytes, readlinkIfThere, symlink, unlink } from "./file/directory.ts";
export { O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY } from "./file/open.ts";
export { memfd } from "./file/memfd.ts";
export {
  close,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  open,
  openDirectory,
  pread,
  type Reading,
  read,
  readBytes,
  readIfThere,
  readText,
} from "./file/open.ts";
export { pwrite, tryRead, write, writeFile } from "./file/open.ts";
export { basename, dirname, join, relative, resolve } from "./file/path.ts";
export { access, exists, fstat, lstatIfThere, R_OK, Stat, stat, statfs, statIfThere, W_OK, X_OK } from "./file/stat.ts";
export { MOUNT_ATTR, type MountAttributes, setMountAttributes } from "./mount/attributes.ts";
export { closeAllBut, closeOnExecFrom, dup2, duplicate, isOpen, readNow, runtimeEvents, setCloseOnExec } from "./mount/descriptors.ts";
export { setNonBlocking, tryLock, writeNow } from "./mount/descriptors.ts";
export { closeQuietly, openFiles, type Pipe, pipe, readToEnd, uninterrupted, writeKernelFile } from "./mount/file.ts";
export { cloneMount, idmapMount } from "./mount/idmap.ts";
export { type Directories, inotify, takeNotices, watchDirectories } from "./mount/inotify.ts";
export { chdirInRoot, fdPath, makeInRoot, openInRoot, openInRootIfThere, openWithoutMagicLinks } from "./mount/inroot.ts";
export { chdir, chroot, fchdir, MNT_DETACH, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY } from "./mount/mount.ts";
export { MS_REC, MS_REMOUNT, MS_SHARED, MS_SLAVE, MS_UNBINDABLE, makeCharacterDevice, makeFifo, mount, umount2 } from "./mount/mount.ts";
export { isRootPropagation, makeNode, type NodeType, type RootPropagation, setPropagation, setRootPropagation } from "./mount/mount.ts";
export { cloneTree, makeReadOnly, mountIdOf, mountOf, moveMount, newMount, restrictMount, safetyFlags } from "./mount/mountfd.ts";
export { askCall, askChild, askPidfd, CALL_PROBES, type CallProbe, hasFileCapabilities, seccompMode } from "./mount/probe.ts";
export { allocate, truncate } from "./mount/room.ts";
export { sharePipes } from "./mount/sharedpipes.ts";
export { rootKind, setPropagationEverywhere, swapRoots } from "./mount/swaproots.ts";
export { type Endpoint, freePorts, listenOn, type Protocol, receiveDatagram, receiveNow, sendAtOnce, sendNow } from "./net/inet.ts";
export { shutdownWrite, socketError, startConnecting } from "./net/inet.ts";
export { ipNumber, ipOfNumber, isIPv4, networkOf, parseAddress, parseIp } from "./net/ip.ts";
export { addresses, type Interface, interfaces, interfaceTo, namespaceNumber, type Route, routes } from "./net/links.ts";
export { bringLoopbackUp } from "./net/loopback.ts";
export { joinNetwork, networkOfSocket, openNetlinkOf } from "./net/netjoin.ts";
export { openNetlink } from "./net/netlink.ts";
export { type Address, addAddress, addBridge, addDefaultRoute, addVeth, removeLink, setUp } from "./net/rtnetlink.ts";
export { acceptFrom, closeSpare, socketpair } from "./net/socket.ts";
export { connectTo, listenAt, peerOf, receiveDescriptor, sendDescriptor, sendMessage } from "./net/unixsocket.ts";
export { writeOwnProc } from "./proc/ownfile.ts";
export { type KernelLog, type KernelLogPosition, kernelLogSince, openKernelLog, readKernelLog } from "./proc/kmsg.ts";
export { childrenOf, procDirectory, procOwner, requireOwnProc, strangeProc, type Whose } from "./proc/ownproc.ts";
export {
  keyedValue,
  lineValue,
  type MountInfo,
  mountsBeside,
  parseMounts,
  readMountInfo,
  softLimit,
  statFields,
  statusField,
  unescapeOctal,
} from "./proc/proc.ts";
export { monotonic } from "./process/clock.ts";
export { ignoreWriteSignals, noteIgnored, resetDispositions, resetWriteSignals, SIG_DFL, setDisposition } from "./process/disposition.ts";
export { setDispositionAndUnblock } from "./process/disposition.ts";
export { type Source, waitForSignalOr } from "./process/events.ts";
export {
  CLONE_NEWCGROUP,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "./process/cloneflags.ts";
export { CLONE_PARENT } from "./process/cloneflags.ts";
export { type CloneArgs, clone3, prepareFork } from "./process/fork.ts";
export { type IdRange, isMapped, NAMESPACES, type NamespaceKind, namespaceId, readIdMap, sethostname, setns } from "./process/namespace.ts";
export { namespaceTypeOf, setdomainname, unshare, unshareFs, writeIdMap, writeSetgroups } from "./process/namespace.ts";
export { POLLERR, POLLHUP, POLLIN, POLLOUT, PollSet, pollOnce } from "./process/poll.ts";
export {
  endSignal,
  exit,
  getpid,
  getppid,
  hasChildren,
  hasEnded,
  isDumpable,
  pidfdGetfd,
  pidfdOpen,
  pidfdStatus,
  reap,
} from "./process/process.ts";
export { setChildSubreaper, setDumpable, setName, shellStatus, stopSignal, type Waited, WCONTINUED, WNOHANG } from "./process/process.ts";
export { WUNTRACED, waitpid, wasContinued } from "./process/process.ts";
export { getLimit, type Limit, prepareLimit, RESOURCES, type Resource, RLIM_INFINITY, setLimit } from "./process/rlimit.ts";
export { setSoftFileLimit } from "./process/rlimit.ts";
export { IO_CLASSES, MEMORY_POLICIES, MEMORY_POLICY_FLAGS, PERSONALITIES } from "./process/scheduling.ts";
export { SCHEDULING_FLAGS, SCHEDULING_POLICIES, type Scheduling, setAffinity, setIoPriority } from "./process/scheduling.ts";
export { setMemoryPolicy, setPersonality, setScheduling } from "./process/scheduling.ts";
export { type Fate, receptionOf } from "./process/reception.ts";
export { kill, pidfdSendSignal, processExists } from "./process/sending.ts";
export { ALL_SIGNALS, addSignal, endsByDefault, hasSignal, parseSignal, parseSignalMask, removeSignal } from "./process/signal.ts";
export { SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSTOP, SIGSYNCCALL, SIGTERM, SIGTSTP } from "./process/signal.ts";
export { SIGUSR1, SIGWINCH, type SignalSet, setSignalMask, signalName, signalNumber, signalSet, signalsOf } from "./process/signal.ts";
export { SI_KERNEL, SI_QUEUE, type SignalInfo, waitForSignal } from "./process/signalqueue.ts";
export { forked, keepSmall, takeAllSignals } from "./process/threads.ts";
export { setTimer, takeTicks, timeOfDay, timerfd } from "./process/timer.ts";
export { uname } from "./process/uname.ts";
export { ARCHITECTURES, NATIVE_ARCHITECTURE, replaceReturn, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from "./security/bpf.ts";
export { SECCOMP_RET_USER_NOTIF, type WordRule } from "./security/bpf.ts";
export { answersTo } from "./security/bpfrun.ts";
export { CAPABILITIES, type Capabilities, capget, capset } from "./security/capability.ts";
export {
  countGroups,
  dieWithParent,
  keepingDeathSignal,
  makeFilesAs,
  rememberParent,
  setgroups,
  setParentDeathSignal,
} from "./security/credentials.ts";
export { setresgid, setresuid } from "./security/credentials.ts";
export { joinSessionKeyring } from "./security/keyring.ts";
export { landlockAbi, restrictFiles } from "./security/landlock.ts";
export {
  dropFromBoundingSet,
  keepCapabilities,
  readBoundingSet,
  resetAmbient,
  setAmbient,
  setNoNewPrivileges,
} from "./security/privileges.ts";
export {
  commandOf,
  installFilter,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  installListeningFilter,
  receiveRefusal,
  refuse,
} from "./security/seccomp.ts";
export { type Condition, compileFilter, type FilterRule, type FilterRules, syscallName, syscallNumber } from "./security/seccompfilter.ts";
export { type Areas, hideSecrets, readAreas } from "./security/secrets.ts";
export { type SubordinateRange, subordinateOwners, subordinateRanges } from "./security/subid.ts";
export { continueStopped, type Job, leadGroup, resumeJob, takeTerminalBack } from "./tty/jobcontrol.ts";
export { openMaster, openPeer, setControllingTerminal, setsid, signalForeground } from "./tty/pty.ts";
export { controllingTerminal, foregroundGroup, holdsTerminal, inForeground, isBackgroundJob } from "./tty/terminal.ts";
export { isJobControl, isOrphaned, reachedTheGroup, setForegroundGroup, setpgid } from "./tty/terminal.ts";
export { type Attributes, endOfFileKey, getAttributes, isTerminal, rawAttributes, sameAttributes, setAttributes } from "./tty/termios.ts";
export { keyAttributes, setWindowSize, signalOfKey, windowSize } from "./tty/termios.ts";
