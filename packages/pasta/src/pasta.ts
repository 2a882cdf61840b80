// --pasta: pasta(1) connects a new network namespace to the network outside without privilege. It is our child and dies with us;
// otherwise it would outlive the namespace.

import { type Context, execProgram, forHelper, fork, sayStep, warn } from "@contain-tools/chain";
import {
  type Address,
  access,
  chdir,
  close,
  codeOf,
  dieWithParent,
  dup2,
  getpid,
  ipNumber,
  ipOfNumber,
  kill,
  monotonic,
  networkOf,
  O_RDWR,
  open,
  POLLIN,
  pidfdOpen,
  pipe,
  pollOnce,
  printable,
  procDirectory,
  R_OK,
  read,
  readIfThere,
  readToEnd,
  SIGKILL,
  type Source,
  setsid,
  shellStatus,
  ToolError,
  W_OK,
  WNOHANG,
  waitpid,
} from "@contain-tools/kernel";
import { checkVersion, type PastaPlan } from "./plan.ts";
import type { Published } from "./published.ts";

const START_TIMEOUT = 10_000; // milliseconds; it usually takes about ten
const STEP = 2;
const TUN = "/dev/net/tun";
/** pasta at work, beside a child in its namespaces. */
export interface Pasta {
  /** Poll it while the child lives: it warns if pasta ends first. */
  readonly sources: readonly Source[];
  /** Ends it, and waits for that. */
  readonly end: () => void;
}

/** Connects the network namespace of `child`, and returns when it is connected. @throws ToolError with pasta's message; nothing is left behind */
export function startPasta(context: Context, child: number, { address, publish }: PastaPlan): Pasta {
  checkVersion(publish);
  const words = pastaWords(child, address, publish);
  sayStep(context, `connecting eth0 (${address.ip}/${address.prefix}) by pasta: ${words.join(" ")}`);
  const told = pipe();
  const pid = start(context, words, told.write);
  close(told.write);
  for (const deadline = monotonic() + START_TIMEOUT; !isConnected(child); pollOnce(-1, 0, STEP)) {
    const status = waitpid(pid, WNOHANG)?.status;
    if (status === undefined && monotonic() < deadline) continue;
    if (status === undefined) {
      kill(pid, SIGKILL);
      waitpid(pid, 0);
    }
    const text = ownWords(readToEnd(told.read));
    close(told.read);
    const how = status === undefined ? `no result after ${START_TIMEOUT / 1000} s` : `exit status ${shellStatus(status)}`;
    throw new ToolError(`pasta: ${text || how}`, fixFor(text));
  }
  return supervise(pid, told.read);
}

/** Forwards only what was asked for: no access to the host's loopback by the gateway's address, no automatic ports. */
function pastaWords(child: number, { ip, prefix }: Address, publish: readonly Published[]): string[] {
  const gateway = ipOfNumber(ipNumber(networkOf(ip, prefix)) + 1);
  const ports = (wanted: string) => {
    const list = publish.filter(({ protocol }) => protocol === wanted);
    const option = `--${wanted}-ports`;
    if (list.length === 0) return [option, "none"];
    return list.flatMap(({ host, port }) => [option, `${host.ip === "0.0.0.0" ? "" : `${host.ip}/`}${host.port}:${port}`]);
  };
  return [
    ...["pasta", "--foreground", "--quiet", "--ipv4-only", "--config-net", "--ns-ifname", "eth0"],
    ...["--address", ip, "--netmask", `${prefix}`, "--gateway", gateway, "--no-map-gw"],
    ...["--tcp-ns", "none", "--udp-ns", "none", ...ports("tcp"), ...ports("udp")],
    `${child}`,
  ];
}

/** In a session of its own, away from the keys of the terminal, and not in our working directory. */
function start(context: Context, words: readonly string[], told: number): number {
  const self = pidfdOpen(getpid());
  const pid = fork(forHelper(context), { flags: 0 }, (own) => {
    dieWithParent(SIGKILL, self);
    setsid();
    chdir("/");
    const nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(told, 2);
    dup2(nothing, 1);
    return execProgram(own, words);
  });
  close(self);
  return pid;
}

/** pasta adds the default route last, after it has bound its ports. */
function isConnected(child: number): boolean {
  return /^eth0\s+00000000\s/m.test(readIfThere(`${procDirectory(child)}/net/route`) ?? "");
}

function supervise(pid: number, told: number): Pasta {
  const pidfd = pidfdOpen(pid);
  const chunk = Buffer.alloc(4096);
  let alive = true;
  let open = true;
  let last = "";
  const readMessages = () => {
    const length = read(told, chunk);
    open = length > 0;
    last = (last + chunk.toString("utf8", 0, length)).slice(-chunk.length);
  };
  const gone = () => {
    const status = waitpid(pid, WNOHANG)?.status;
    if (status === undefined) return;
    alive = false;
    while (open) readMessages();
    warn(`pasta ended (exit status ${shellStatus(status)}): eth0 is gone. ${printable(ownWords(last))}`.trimEnd());
  };
  return {
    sources: [
      { fd: told, wants: () => (open ? POLLIN : undefined), ready: readMessages },
      { fd: pidfd, wants: () => (alive ? POLLIN : undefined), ready: gone },
    ],
    end: () => {
      if (alive) {
        kill(pid, SIGKILL);
        waitpid(pid, 0);
      }
      close(told);
      close(pidfd);
    },
  };
}

/** Without its complaints about an unreachable syslog. */
function ownWords(text: string): string {
  const lines = text.split("\n").filter((line) => line !== "" && !/ to syslog$/.test(line));
  return lines.join("; ");
}

function fixFor(words: string): string | undefined {
  if (/\btun\b/.test(words)) {
    try {
      access(TUN, R_OK | W_OK);
    } catch (error) {
      return `${TUN}: ${codeOf(error)}; most systems let everybody open it (mode 0666): chmod 666 ${TUN}, or --net none`;
    }
  }
  if (/routable|interface/i.test(words)) return "the host has no default route (`ip route`), which pasta uses; or --net none";
  return undefined;
}
