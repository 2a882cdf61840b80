// The loopback interface: a new network namespace has one, but it is down.

import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { close } from "../file/open.ts";
import { openSocket } from "./socket.ts";

const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
const FLAGS_AT = 16; // struct ifreq: IFNAMSIZ bytes of name, then the union with ifr_flags (netdevice(7))
const ioctlC = declare("ioctl");

/** Brings `lo` up in the network namespace of this process, so that 127.0.0.1 and ::1 answer. @throws SyscallError EPERM */
export function bringLoopbackUp(): void {
  const fd = openSocket("AF_INET", "SOCK_DGRAM");
  try {
    const request = Buffer.alloc(40);
    request.write("lo");
    const text = () => `{ifr_name="lo", ifr_flags=0x${request.readUInt16LE(FLAGS_AT).toString(16)}}`;
    sys("ioctl", () => [`${fd}`, "SIOCGIFFLAGS", text()], ioctlC(fd, SIOCGIFFLAGS, request));
    request.writeUInt16LE(request.readUInt16LE(FLAGS_AT) | IFF_UP, FLAGS_AT);
    sys("ioctl", () => [`${fd}`, "SIOCSIFFLAGS", text()], ioctlC(fd, SIOCSIFFLAGS, request));
  } finally {
    close(fd);
  }
}
