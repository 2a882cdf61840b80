// Mounts that a container needs: its own /proc, and an overlay.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Evidence, evidenceFrom } from "@contain-tools/chain";
import { codeOf, readIfThere, readMountInfo, rootKind, statusField, strangeProc, uname } from "@contain-tools/kernel";
import { type Attempt, isPrivileged, tryOverlay, tryProc } from "./attempts.ts";
import { answered, asRoot, type Check, cannotTell, check, type Verdict } from "./check.ts";

export const mountChecks = (): Check[] => [
  check("own /proc", ownProc),
  check("fresh /proc", freshProc),
  check("pivot_root", pivotable),
  check("overlay", overlay),
];

const inUser = () => (isPrivileged() ? "" : " in a new user namespace");

/** explain, list and everything that acts on a container rely on its numbers. */
function ownProc(): Verdict {
  const rule = "proc_pid_status(5): NSpid has one number a PID namespace, from that of /proc to its own";
  const evidence = [{ source: "/proc/self/status NSpid", value: statusField(readIfThere("/proc/self/status") ?? "", "NSpid"), rule }];
  const strange = strangeProc();
  if (strange === undefined)
    return { state: "ok", text: "/proc shows the processes of this PID namespace, by their numbers here", evidence };
  return { state: "limited", text: strange.text, evidence, fix: strange.fix };
}

/** What `pivot` will do; from inside, a chroot at a mount point looks like an ordinary root. */
function pivotable(): Verdict {
  const kind = rootKind();
  const line = readMountInfo().find(({ mountPoint }) => mountPoint === "/");
  const value = line === undefined ? "no line for /" : `${line.id} ${line.parent} / ${line.type}`;
  const evidence = [{ source: "/proc/self/mountinfo /", value, rule: "pivot_root(2) EINVAL, NOTES" }];
  if (kind === "mount") return { state: "ok", text: "/ is a mount on another one, which pivot_root(2) can replace", evidence };
  const why = kind === "rootfs" ? "/ is the initial rootfs (initramfs)" : "/ is not a mount point, but a directory (a chroot)";
  const way = kind === "rootfs" ? "moves the new root over it and calls chroot(2)" : "calls it from outside of the chroot";
  return { state: "limited", text: `${why}, which pivot_root(2) refuses: \`pivot\` ${way}`, evidence };
}

function freshProc(): Verdict {
  const attempt = tryProc();
  const covered = coverings();
  const evidence = [...answers(attempt), covered];
  if (reached(attempt, '"proc"') === "0") return { state: "ok", text: `mount("proc") works${inUser()} in a new PID namespace`, evidence };
  const last = attempt.tried.at(-1);
  if (last === undefined || attempt.problem !== undefined) return cannotTell(`the child that tries it ${attempt.problem}`, evidence);
  const text = `${last.call}${inUser()}: ${last.answer}`;
  if (!last.call.includes('"proc"')) return cannotTell(`${text}, so mount("proc") was not tried`, evidence, last.hint);
  const because = covered.value ? `; /proc/self/mountinfo has mounts that cover ${covered.value}` : "";
  return { state: "limited", text: `${text}${because}`, evidence, fix: last.hint };
}

/** Mounts below /proc: a container engine's masks, which make a new one "too revealing". */
function coverings(): Evidence {
  const source = "/proc/self/mountinfo, mounts below /proc";
  const rule = "mount_namespaces(7), locked mounts: a fresh proc in a user namespace must not reveal what is covered in the visible one";
  try {
    const below = readMountInfo().filter(
      ({ mountPoint, type }) => mountPoint.startsWith("/proc/") && type !== "binfmt_misc" && type !== "autofs",
    );
    return { source, value: below.map(({ mountPoint }) => mountPoint).join(" "), rule };
  } catch (error) {
    return { source, value: undefined, problem: codeOf(error) ?? String(error), rule };
  }
}

function overlay(): Verdict {
  const known = evidenceFrom("/proc/filesystems", "proc_filesystems(5): the file systems that this kernel can mount now");
  const short = {
    ...known,
    ...(known.value === undefined ? {} : { value: /^.*\boverlay$/m.exec(known.value)?.[0] ?? "no line `overlay`" }),
  };
  if (known.value !== undefined && !/\bproc$/m.test(known.value))
    return cannotTell("/proc/filesystems is masked: it does not even list proc", [known]);
  // Mounting a file system that is not loaded would make the kernel load a module, which doctor must not do.
  if (known.value !== undefined && !/\boverlay$/m.test(known.value)) return notLoaded(short);
  const attempt = tryOverlay();
  const evidence = [short, ...answers(attempt)];
  if (reached(attempt, '"overlay"') === "0")
    return { state: "ok", text: `mount("overlay") with a writable layer works${inUser()}; /proc/filesystems lists it`, evidence };
  const last = attempt.tried.at(-1);
  if (last === undefined || attempt.problem !== undefined) return cannotTell(`not tried: ${attempt.problem}`, evidence);
  const text = `${last.call}${inUser()}: ${last.answer}`;
  if (!last.call.includes('"overlay"')) return cannotTell(`${text}, so mount("overlay") was not tried`, evidence, last.hint);
  if (last.answer === "ENODEV") return { state: "missing", text, evidence, fix: "a kernel with CONFIG_OVERLAY_FS" };
  const fix =
    last.answer === "EPERM" && !isPrivileged() ? "in a user namespace it can be mounted since Linux 5.11 (overlayfs.rst)" : last.hint;
  return { state: "limited", text, evidence, fix };
}

function notLoaded(known: Evidence): Verdict {
  const folder = `/lib/modules/${uname().release}/kernel/fs/overlayfs`;
  const rule = "modprobe(8): modules of the running kernel; root's first mount loads one";
  const text = "/proc/filesystems has no line overlay";
  let files: string[] | undefined;
  try {
    files = readdirSync(folder);
  } catch {
    // below
  }
  const source = join(folder, "overlay.ko");
  const found = files?.find((name) => name.startsWith("overlay.ko"));
  const module: Evidence = found === undefined ? { source, value: undefined, problem: "ENOENT", rule } : { source, value: found, rule };
  const evidence = [known, module];
  if (found !== undefined)
    return {
      state: "limited",
      text: `${text}; the module ${join(folder, found)} is not loaded`,
      evidence,
      fix: asRoot("modprobe overlay"),
    };
  if (readIfThere(`/lib/modules/${uname().release}/modules.builtin`) !== undefined)
    return {
      state: "missing",
      text: `${text}, and ${folder} no module`,
      evidence,
      fix: "a kernel with CONFIG_OVERLAY_FS, or its package of extra modules",
    };
  return cannotTell(
    `${text}, but it may be a module: /lib/modules/${uname().release} is not here to look in`,
    evidence,
    "on the host: modprobe overlay",
  );
}

const answers = ({ tried }: Attempt) => tried.map(({ call, answer }) => answered(call, answer, "mount(2)"));
const reached = ({ tried }: Attempt, word: string) => tried.find(({ call }) => call.startsWith("mount(") && call.includes(word))?.answer;
