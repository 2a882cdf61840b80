// Plan to kernel calls: our own mount namespace, the rootfs bound on itself and filled, pivot_root, the old root detached.
import { becomeUser, type Context, chownTerminal, enterConsole, findUser, prepareLimits, runHooks, sayStep } from "@contain-tools/chain";
import {
  CLONE_NEWNS,
  chdirInRoot,
  cloneTree,
  close,
  failedWith,
  fdPath,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  makeInRoot,
  mount,
  moveMount,
  namespaceId,
  openDirectory,
  openInRoot,
  readIfThere,
  rememberParent,
  restrictMount,
  setPropagation,
  setPropagationEverywhere,
  setRootPropagation,
  statFields,
  swapRoots,
  ToolError,
  UsageError,
  unshare,
} from "@contain-tools/kernel";
import { HOOK, type Plan } from "./cli.ts";
import { makeConsoleIn, makeDev } from "./dev.ts";
import { readEnvFile, setEnvironment } from "./environment.ts";
import { closesLast } from "./givenmounts.ts";
import { hideDirectory } from "./hide.ts";
import { maskKernelFiles, maskPaths } from "./mask.ts";
import { makeDevLinks, makeNodeIn } from "./node.ts";
import { attachLayers } from "./overlay.ts";
import { MAX_LINKS, mountAt } from "./place.ts";
import { writeSysctl } from "./sysctl.ts";
import { mountVolumes, openPropagated, openSources, type Sources, type Trees } from "./volumes.ts";

/** Makes ROOTFS the root of this process. @throws SyscallError, ToolError; the caller's own mounts are never touched */
export function enterRoot(context: Context, plan: Plan): void {
  if (plan.unshare) unshare(CLONE_NEWNS);
  else checkOwnNamespace();
  if (plan.user !== undefined) rememberParent(); // while its /proc is here
  const variables = plan.env.flatMap((entry) => ("file" in entry ? readEnvFile(context, entry.file) : entry));
  const trees = openPropagated(plan.volumes);
  // Slave, not private: otherwise our copies would keep a mount busy that the host unmounts.
  const oldRoot = setPropagationEverywhere("slave");
  sayStep(context, `setting up rootfs: ${plan.rootfs}`);
  const umask = process.umask(0); // files get the modes that are written here
  for (const parameter of plan.sysctls) writeSysctl(parameter);
  const sources = openSources(plan.volumes, trees);
  const newRoot = mountRootfs(plan);
  const { slave, keeps } = fillRoot(context, plan, newRoot, trees, sources);
  process.umask(umask);
  if (plan.hooks !== undefined) runHooks(context, HOOK, plan.hooks);
  sayStep(context, "pivoting root");
  const way = swapRoots(newRoot, oldRoot);
  if (way !== undefined) sayStep(context, way);
  close(newRoot);
  if (plan.rootPropagation !== undefined) setRootPropagation(plan.rootPropagation);
  else if (!keeps) setPropagation("private");
  chdirInside(plan.cwd);
  context.inside = `the rootfs ${plan.rootfs}`;
  setEnvironment(context, variables, plan.clearEnv);
  prepareLimits(context, plan.limits);
  if (slave !== undefined) enterConsole(context, slave);
  if (plan.user === undefined) return;
  const user = findUser(plan.user, context.inside);
  if (slave !== undefined) chownTerminal(user);
  becomeUser(context, user);
}

/** The rootfs as its own mount, with all mounts below it, or under its layers: pivot_root(2) requires a mount point. */
function mountRootfs({ rootfs, readOnly, nodev, layers, defaults }: Plan): number {
  const place = openDirectory(rootfs);
  // Through its descriptor: a lookup of `/` or `.` ends below the new mount, not on it.
  const fd = layers === undefined ? attachCopy(place, place) : attachLayers(place, layers);
  close(place);
  restrictMount(fd, (readOnly && defaults ? MS_RDONLY : 0) | (nodev ? MS_NODEV : 0));
  return fd;
}

/** A bind mount with all mounts below it; the descriptor is the new mount, whatever takes its name later. */
function attachCopy(source: number, target: number): number {
  const copy = cloneTree(source);
  moveMount(copy, target);
  return copy;
}

interface Filled {
  /** The slave of the pseudo-terminal, if one is wanted. */
  readonly slave: number | undefined;
  /** Some mounts keep their own propagation. */
  readonly keeps: boolean;
}

function fillRoot(context: Context, plan: Plan, root: number, trees: Trees, sources: Sources): Filled {
  if (plan.proc) {
    sayStep(context, "mounting /proc");
    mountAt(plan, root, "/proc", (target) => mount("proc", fdPath(target), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC));
  }
  if (plan.sys) mountAt(plan, root, "/sys", mountSys);
  const made = plan.dev ? mountAt(plan, root, "/dev", (target) => makeDev(context, target, plan)) : undefined;
  const keeps = mountVolumes(plan, root, trees, sources);
  for (const node of plan.nodes) makeNodeIn(root, node);
  if (plan.devLinks) makeDevLinks(root);
  const slave = plan.makesTerminal && !plan.dev ? makeConsoleIn(context, root) : made;
  if (plan.volumes.some((volume) => volume.kind === "given" && closesLast(volume))) closeDev(root);
  if (plan.mask) maskKernelFiles(root);
  maskPaths(root, plan.maskedPaths, plan.readOnlyPaths);
  for (const dir of plan.hidden) hideDirectory(plan, root, dir);
  if (!plan.defaults) {
    close(makeInRoot(root, plan.cwd, "directory", MAX_LINKS)); // OCI makes a missing one
    if (plan.readOnly) restrictMount(root, MS_RDONLY, false); // last, so that all targets could be created; other mounts have their own option
  }
  return { slave, keeps };
}

function closeDev(root: number): void {
  const dev = openInRoot(root, "/dev");
  restrictMount(dev, MS_RDONLY, false);
  close(dev);
}

function mountSys(target: number): void {
  mount("sysfs", fdPath(target), "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

function chdirInside(cwd: string): void {
  if (cwd === "/") return;
  try {
    chdirInRoot(cwd);
  } catch (error) {
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
    throw new ToolError(`--cwd ${cwd}: no such directory inside the root`, undefined, 125, { cause: error });
  }
}

/** --no-unshare: if the parent shared our mount namespace, every mount would be the parent's too. */
function checkOwnNamespace(): void {
  const parent = statFields(readIfThere("/proc/self/stat") ?? "")[1];
  const theirs = parent === undefined ? undefined : namespaceId(parent, "mnt");
  // A parent with unreadable files is in another user namespace, and there the kernel would refuse our mounts.
  if (theirs !== undefined && theirs === namespaceId("self", "mnt")) {
    throw new UsageError(
      "--no-unshare: this mount namespace is shared with the parent process, whose root would change too",
      "leave --no-unshare out, or run `nsexec --mount -- pivot --no-unshare …`",
    );
  }
}
