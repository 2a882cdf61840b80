// The syscall layer. It knows the kernel, and no tool.
import "./profile.ts"; // the first, so that it sees the others being loaded

export * from "./binary.ts";
export {
  ARCHITECTURES,
  NATIVE_ARCHITECTURE,
  replaceReturn,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  type WordRule,
} from "./bpf.ts";
export { answersTo } from "./bpfrun.ts";
export * from "./capability.ts";
export { type Captured, capture } from "./capture.ts";
export * from "./cgroup.ts";
export * from "./chain.ts";
export { monotonic } from "./clock.ts";
export * from "./console.ts";
export * from "./credentials.ts";
export * from "./denied.ts";
export { type Device, deviceAt, deviceOf } from "./device.ts";
export { devicePrograms, setDevices, whyNoDeviceProgram } from "./devicegroup.ts";
export { DEVICE_ACCESS, type DeviceRule } from "./deviceprogram.ts";
export * from "./errno.ts";
export * from "./events.ts";
export * from "./exec.ts";
export * from "./file.ts";
export * from "./fork.ts";
export { canBeReadAgain, checkReadAgain, readGiven } from "./given.ts";
export * from "./idmap.ts";
export {
  type Endpoint,
  freePorts,
  listenOn,
  type Protocol,
  receiveDatagram,
  receiveNow,
  sendAtOnce,
  sendNow,
  shutdownWrite,
  socketError,
  startConnecting,
} from "./inet.ts";
export * from "./inotify.ts";
export * from "./ip.ts";
export { joinSessionKeyring } from "./keyring.ts";
export * from "./kmsg.ts";
export * from "./landlock.ts";
export * from "./launch.ts";
export { isNative } from "./libc.ts";
export {
  addresses,
  type Interface,
  type InterfaceAddress,
  interfaces,
  interfaceTo,
  namespaceNumber,
  type Route,
  routes,
} from "./links.ts";
export * from "./loopback.ts";
export * from "./mount.ts";
export * from "./namespace.ts";
export { joinNetwork, networkOfSocket, openNetlinkOf } from "./netjoin.ts";
export { openNetlink } from "./netlink.ts";
export * from "./options.ts";
export * from "./ownproc.ts";
export * from "./parse.ts";
export * from "./poll.ts";
export * from "./printable.ts";
export * from "./privileges.ts";
export * from "./probe.ts";
export * from "./proc.ts";
export * from "./process.ts";
export * from "./profile.ts"; // the first, so that it sees the others being loaded
export * from "./pty.ts";
export * from "./report.ts";
export * from "./rlimit.ts";
export * from "./room.ts";
export { type Address, addAddress, addBridge, addDefaultRoute, addVeth, removeLink, setUp } from "./rtnetlink.ts";
export { ruleFor, rulesOf } from "./rules.ts";
export * from "./seccomp.ts";
export * from "./seccompfilter.ts";
export * from "./secrets.ts";
export * from "./sharedpipes.ts";
export * from "./signal.ts";
export * from "./socket.ts";
export { acceptFrom, socketpair } from "./sockets.ts";
export * from "./spawn.ts";
export * from "./subid.ts";
export * from "./swaproots.ts";
export * from "./terminal.ts";
export * from "./termios.ts";
export * from "./threads.ts";
export * from "./timer.ts";
export * from "./trace.ts";
export * from "./ulimit.ts";
export * from "./uname.ts";
export * from "./user.ts";
export * from "./whynot.ts";
