// Terminal attributes and window sizes: termios(3), ioctl_tty(2).
import { declare, declareSyscall, SYS } from "../ffi/libc.ts";
import { trace, tracer } from "../ffi/trace.ts";
import { SIGINT, SIGQUIT, SIGTSTP } from "../process/signal.ts";

const tcgetattrC = declare("tcgetattr");
const tcsetattrC = declare("tcsetattr");
const cfmakerawC = declare("cfmakeraw");
const ioctlC = declareSyscall(SYS.ioctl);
const TCSANOW = 0;
const TERMIOS_SIZE = 60; // struct termios of glibc and musl alike
const C_CC = 17;
const VEOF = 4;
const C_LFLAG = 12;
const ISIG = 1;
const ICANON = 2;
const ECHO = 8;
const VINTR = 0;
const VQUIT = 1;
const VSUSP = 10;

/** A struct termios, as the kernel gave it. */
export type Attributes = Uint8Array;

/** tcgetattr(3); undefined if it is not a terminal, or has hung up. */
export function getAttributes(fd: number): Attributes | undefined {
  const attributes = new Uint8Array(TERMIOS_SIZE);
  return tcgetattrC(fd, attributes) === 0 ? attributes : undefined;
}

/**
 * tcsetattr(3), at once: waiting for the output to drain could take for ever. SIGTTOU must be blocked or ignored, or a background caller is
 * stopped. False if the terminal has hung up.
 */
export function setAttributes(fd: number, attributes: Attributes): boolean {
  const result = tcsetattrC(fd, TCSANOW, attributes);
  if (tracer.mode !== "off") trace("tcsetattr", [`${fd}`, "TCSANOW", "{…}"], result);
  return result === 0;
}

/** cfmakeraw(3): every key is a byte, and output is not changed. */
export function rawAttributes(attributes: Attributes): Attributes {
  const raw = attributes.slice();
  cfmakerawC(raw);
  return raw;
}

/** Keys come at once and without echo; Ctrl-C and Ctrl-Z stay signals. */
export function keyAttributes(attributes: Attributes): Attributes {
  const keys = attributes.slice();
  keys[C_LFLAG] = (keys[C_LFLAG] ?? 0) & ~(ICANON | ECHO);
  return keys;
}

/** True if both are the same, bit for bit. */
export function sameAttributes(a: Attributes, b: Attributes): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The byte that means end of file in canonical mode, usually Ctrl-D. */
export function endOfFileKey(attributes: Attributes): number {
  return attributes[C_CC + VEOF] ?? 4;
}

/** The signal that the line discipline makes of a byte, usually Ctrl-C, Ctrl-\ or Ctrl-Z; undefined for other bytes, and without ISIG. */
export function signalOfKey(attributes: Attributes, byte: number): number | undefined {
  if (!((attributes[C_LFLAG] ?? 0) & ISIG) || byte === 0) return undefined; // 0, _POSIX_VDISABLE: no key
  if (attributes[C_CC + VINTR] === byte) return SIGINT;
  if (attributes[C_CC + VQUIT] === byte) return SIGQUIT;
  return attributes[C_CC + VSUSP] === byte ? SIGTSTP : undefined;
}

/** True when the descriptor is a terminal (isatty(3)). */
export function isTerminal(fd: number): boolean {
  return getAttributes(fd) !== undefined;
}

const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;

interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** ioctl(TIOCGWINSZ); undefined if it is not a terminal. */
export function windowSize(fd: number): WindowSize | undefined {
  const size = new Uint16Array(4);
  if (ioctlC(fd, TIOCGWINSZ, new Uint8Array(size.buffer)) === -1) return undefined;
  return { rows: size[0] ?? 0, columns: size[1] ?? 0 };
}

/** ioctl(TIOCSWINSZ): the foreground process group gets SIGWINCH if the size changes. */
export function setWindowSize(fd: number, { rows, columns }: WindowSize): void {
  const size = new Uint16Array([rows, columns, 0, 0]);
  const result = ioctlC(fd, TIOCSWINSZ, new Uint8Array(size.buffer));
  if (tracer.mode !== "off") trace("ioctl", [`${fd}`, "TIOCSWINSZ", `{ws_row=${rows}, ws_col=${columns}}`], result);
}
