// EPERM of a call that needs a capability: whether a user namespace, a missing capability, seccomp or the device list refuses it.
import type { Evidence, Finding } from "@contain-tools/chain";
import { closeQuietly, devicePrograms, O_DIRECTORY, O_RDONLY, open } from "@contain-tools/kernel";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { callerOf } from "./caller.ts";
import type { Said } from "./said.ts";

interface Call {
  readonly needs: string;
  /** The capability must be held in the first user namespace. */
  readonly first: boolean;
}

/** A capability, `*` if it must be held in the first user namespace, and the programs and calls that need it. Parsed when needed. */
const CALLS = `
CAP_MKNOD * mknod
CAP_SYS_ADMIN mount umount unshare setns nsenter sethostname hostname pivot_root
CAP_SYS_ADMIN * swapon
CAP_SYS_CHROOT chroot
CAP_SETUID setuid setresuid seteuid
CAP_SETGID setgid setgroups initgroups
CAP_CHOWN chown
CAP_SYS_PTRACE ptrace
CAP_SYS_TIME * settimeofday clock_settime date
CAP_SYS_NICE nice renice setpriority
CAP_SYS_BOOT * reboot
CAP_SYS_MODULE * insmod modprobe
CAP_NET_RAW ping
CAP_NET_ADMIN ip ifconfig iptables route`;

function callNamed(name: string): Call | undefined {
  for (const line of CALLS.split("\n")) {
    const [needs = "", ...names] = line.split(" ");
    if (names.includes(name) && name !== "*") return { needs, first: names[0] === "*" };
  }
  return undefined;
}

/** For these busybox says "permission denied (are you root?)", and util-linux "permission denied" without a denied file. */
const SAID_AS_EACCES = /\b(mount|umount|ping)\b.*permission denied(?: \(are you root\?\))?[.\s]*$/i;

/** The call that a line is about, if its error is one of privileges. */
export function privilegedCall(line: string, said: Said | undefined): string | undefined {
  const loose = SAID_AS_EACCES.exec(line)?.[1]?.toLowerCase();
  if (loose !== undefined) return loose;
  return said?.errno === "EPERM" ? said.words.find((word) => callNamed(word) !== undefined && isCall(word, line)) : undefined;
}

/** A program at the beginning of the line, or a call before a parenthesis or colon: `date` and `mount` are ordinary words too. */
const isCall = (word: string, line: string) =>
  new RegExp(`^(?:\\S*/)?${word}\\b|\\b${word}(?=\\(|:| failed)|, ${word} ['"]`, "i").test(line);

interface Reason {
  readonly text: string;
  readonly evidence: Evidence;
  readonly fix?: string;
}

export function judgeCall(c: Case, line: string, name: string, said: Evidence): Finding[] {
  const call = callNamed(name);
  const caller = callerOf(c);
  const wrote = `it wrote ${JSON.stringify(line)} (EPERM)`;
  if (call === undefined || caller === undefined) return [hint("privilege", wrote, [said])];
  const { needs, first } = call;
  const capabilities = caller.evidence("CapEff", `capabilities(7) ${needs}`);
  const reasons: Reason[] = [];
  const free = NEW_USER.test(line); // everybody may make a user namespace
  if (!free && !caller.has(needs))
    reasons.push({ text: `the program had no ${needs} when it was started`, evidence: capabilities, fix: fixFor(caller.uid, needs) });
  else if (!free) {
    if (first && caller.userns) reasons.push({ ...outside(needs), evidence: capabilities });
    if (name === "mount" && caller.userns) reasons.push({ ...SOME_MOUNTS, evidence: capabilities });
    if (GROUPS.includes(name) && caller.userns) reasons.push({ ...NO_GROUPS, evidence: capabilities });
    if (name === "mknod" || name === "mount") reasons.push(...deviceList(c));
  }
  if (caller.seccomp) reasons.push({ ...FILTER, evidence: caller.evidence("Seccomp", "seccomp(2)") });
  const [one, another] = reasons;
  const evidence = [said, ...reasons.map((reason) => reason.evidence)];
  if (one === undefined)
    return [
      hint("privilege", `${wrote}. Why: cannot tell; the program had ${needs}, no seccomp filter and no list of devices`, [
        said,
        capabilities,
      ]),
    ];
  if (another === undefined) return [hint("privilege", `${wrote}: ${one.text}`, evidence, one.fix)];
  return [hint("privilege", `${wrote}. It is one of these; cannot tell which: ${reasons.map(({ text }) => text).join("; ")}`, evidence)];
}

const NEW_USER = /unshare\((?:0x1\w{7}|.*CLONE_NEWUSER)|unshare failed.*user/;
const GROUPS = ["setgroups", "initgroups"];
const NO_GROUPS = {
  text: "setgroups may be denied in its user namespace (/proc/PID/setgroups), as where an ordinary user maps its own group alone",
};
const FILTER = {
  text: "a seccomp filter is loaded, and refuses calls with EPERM, whatever the capabilities are",
  fix: "--seccomp FILE with a profile that allows it; --trace-denied names the call",
};

const fixFor = (uid: number, needs: string) => (uid === 0 ? `--cap-add ${needs.slice(4)}` : "root inside, or another way to what it wants");

const outside = (needs: string) => ({
  text: `the user namespace is the container's own, and this call wants ${needs} in the first one`,
  fix: "--device HOST for a node of the host's, or no user namespace",
});

const SOME_MOUNTS = {
  text: "in a user namespace only some file systems may be mounted (tmpfs, overlay, fuse, bind mounts; proc and sysfs where nothing covers parts of those that are there)",
  fix: "--volume or --mount, which are made before, or no user namespace",
};

/** @returns nothing if the group has no device program, or it cannot be read */
function deviceList({ watched: { group } }: Case): Reason[] {
  if (group === undefined) return [];
  let fd = -1;
  try {
    fd = open(group, O_RDONLY | O_DIRECTORY);
    const programs = devicePrograms(fd);
    for (const program of programs) closeQuietly(program.fd);
    if (programs.length === 0) return [];
    const evidence = { source: `bpf(BPF_PROG_QUERY, ${group})`, value: "a program for devices", rule: 'cgroup-v2.rst "Device controller"' };
    return [
      { text: "the list of devices of its group refuses what is not on it", evidence, fix: "--device HOST, or --device-cgroup-rule" },
    ];
  } catch {
    return [];
  } finally {
    closeQuietly(fd);
  }
}
