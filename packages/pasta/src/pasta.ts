// --pasta: pasta(1) connects a new network namespace to the network outside without privilege. It is our child and dies with us;
// otherwise it would outlive the namespace.
import { type Context, capture, execProgram, forHelper, fork, sayStep, warn } from "@contain-tools/chain";
import {
  type Address,
  access,
  chdir,
  close,
  codeOf,
  dieWithParent,
  dup2,
  exists,
  getpid,
  ipNumber,
  ipOfNumber,
  kill,
  monotonic,
  networkOf,
  O_RDWR,
  open,
  POLLIN,
  parseAddress,
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
  UsageError,
  W_OK,
  WNOHANG,
  waitpid,
} from "@contain-tools/kernel";
import { describePublished, type Published, readPublished } from "./published.ts";

export interface PastaPlan {
  readonly address: Address;
  readonly publish: readonly Published[];
}

const PATIENCE = 10_000; // milliseconds; it usually takes about ten
const STEP = 2;
const TUN = "/dev/net/tun";
const FIXED = 20240726; // the version that subtracts ports modulo 2^16

/** @throws UsageError; ToolError if pasta is missing */
export function readPasta(address: string | undefined, publish: readonly string[]): PastaPlan | undefined {
  if (address === undefined) {
    if (publish.length > 0) throw new UsageError("--publish is for --pasta", "nsexec itself forwards nothing");
    return undefined;
  }
  if (process.geteuid?.() === 0)
    throw new UsageError(
      "--pasta is for an ordinary user: root's pasta changes to user nobody, who may not join the namespace",
      "veth connects a namespace for root",
    );
  checkPasta();
  return { address: parseAddress("--pasta", address), publish: readPublished(publish) };
}

/** @throws ToolError if it is not installed */
export function checkPasta(): void {
  const dirs = (process.env["PATH"] ?? "/bin:/usr/bin").split(":");
  if (dirs.some((dir) => exists(`${dir}/pasta`))) return;
  throw new ToolError(
    "missing program: pasta, which connects an ordinary user's network",
    "a port on a bridge of the host would need CAP_NET_ADMIN in the host's network namespace (network_namespaces(7)). Debian, Ubuntu and Fedora: the package passt; without it --net none",
  );
}

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
  for (const deadline = monotonic() + PATIENCE; !isConnected(child); pollOnce(-1, 0, STEP)) {
    const status = waitpid(pid, WNOHANG)?.status;
    if (status === undefined && monotonic() < deadline) continue;
    if (status === undefined) {
      kill(pid, SIGKILL);
      waitpid(pid, 0);
    }
    const text = ownWords(readToEnd(told.read));
    close(told.read);
    const how = status === undefined ? `no result after ${PATIENCE / 1000} s` : `exit status ${shellStatus(status)}`;
    throw new ToolError(`pasta: ${text || how}`, fixFor(text));
  }
  return attend(pid, told.read);
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

function attend(pid: number, told: number): Pasta {
  const pidfd = pidfdOpen(pid);
  const chunk = Buffer.alloc(4096);
  let alive = true;
  let open = true;
  let last = "";
  const hear = () => {
    const length = read(told, chunk);
    open = length > 0;
    last = (last + chunk.toString("utf8", 0, length)).slice(-chunk.length);
  };
  const gone = () => {
    const status = waitpid(pid, WNOHANG)?.status;
    if (status === undefined) return;
    alive = false;
    while (open) hear();
    warn(`pasta ended (exit status ${shellStatus(status)}): eth0 is gone. ${printable(ownWords(last))}`.trimEnd());
  };
  return {
    sources: [
      { fd: told, wants: () => (open ? POLLIN : undefined), ready: hear },
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

/** An old pasta loses UDP answers if HOST is above CONT. Debian 12 has such a version, which reports no date. */
function checkVersion(publish: readonly Published[]): void {
  const wanted = publish.find(({ host, port, protocol }) => protocol === "udp" && host.port > port);
  if (wanted === undefined) return;
  const { stdout } = capture(["pasta", "--version"]);
  const date = /\b(20\d\d)_?(\d\d)_?(\d\d)\b|git(20\d\d)(\d\d)(\d\d)/.exec(stdout)?.slice(1).filter(Boolean).join("");
  if (Number(date) >= FIXED) return;
  throw new ToolError(
    `--publish ${describePublished(wanted)}: this pasta (${date ?? "of an unknown version"}) may lose the answers of a UDP port that is above the container's`,
    "before July 2024 the subtraction overflows, and other ports open inside; choose a HOST that is not above CONT",
  );
}
