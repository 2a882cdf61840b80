// Words to plan: which directory becomes the root, and what is mounted in it.
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type Chain, type Next, type OptionSpec, type Options, parseSize, UsageError, withCommon } from "@contain-tools/kernel";

export const options = withCommon({
  rw: { type: "boolean", description: "leave the root writable; otherwise it and every mount below it are read-only" },
  "no-proc": { type: "boolean", description: "do not mount /proc" },
  "no-dev": { type: "boolean", description: "do not make a /dev" },
  sys: { type: "boolean", description: "mount /sys, read-only" },
  bind: { type: "string", valueHint: "SRC:DST", repeat: true, description: "bind-mount SRC of the host on DST inside" },
  "ro-bind": { type: "string", valueHint: "SRC:DST", repeat: true, description: "the same, read-only" },
  tmpfs: { type: "string", valueHint: "DST[:SIZE]", repeat: true, description: "mount a tmpfs on DST inside" },
  cwd: { type: "string", valueHint: "DIR", description: "working directory inside (/)" },
  env: { type: "string", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for what runs inside" },
  "clear-env": { type: "boolean", description: "start from an empty environment" },
  "no-unshare": { type: "boolean", description: "use the caller's mount namespace, which it has just made for this" },
});
type Name = keyof typeof options;

/** Something to mount inside the root, in the order of the command line. */
export type Volume =
  | { readonly kind: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "tmpfs"; readonly target: string; readonly size: bigint | undefined };

export interface Plan {
  /** The directory as it was given, for messages. */
  readonly rootfs: string;
  readonly unshare: boolean;
  readonly readOnly: boolean;
  readonly proc: boolean;
  readonly dev: boolean;
  readonly sys: boolean;
  readonly volumes: readonly Volume[];
  readonly cwd: string;
  readonly env: readonly string[];
  readonly clearEnv: boolean;
  readonly next: Next;
}

/** Reads pivot's words: options may stand before ROOTFS and behind it. Nothing is changed. @throws UsageError */
export function readPlan(before: Options<Name>, chain: Chain): Plan {
  const [rootfs, ...words] = before.rest;
  if (rootfs === undefined) throw new UsageError("which directory becomes the root?", "pivot ROOTFS [options] [--] [PROG [ARG…]]");
  const behind = chain.more(options as Readonly<Record<Name, OptionSpec>>, words);
  const given = [...before.given, ...behind.given];
  const has = (name: Name) => given.some((option) => option.name === name);
  const { elsewhere } = chain.settings; // a link before us changes what a path means: then only the kernel can tell
  if (!elsewhere) checkRootfs(rootfs);
  const volumes = given.flatMap(({ name, value = "" }) =>
    name === "bind" || name === "ro-bind" || name === "tmpfs" ? [readVolume(name, value, elsewhere)] : [],
  );
  const cwd = given.findLast(({ name }) => name === "cwd")?.value ?? "/";
  if (!cwd.startsWith("/")) throw new UsageError(`--cwd ${cwd}: it is a path inside the root, and starts with /`);
  return {
    rootfs,
    unshare: !has("no-unshare"),
    readOnly: !has("rw"),
    proc: !has("no-proc"),
    dev: !has("no-dev"),
    sys: has("sys"),
    volumes,
    cwd,
    env: given.flatMap(({ name, value = "" }) => (name === "env" ? [readVariable(value)] : [])),
    clearEnv: has("clear-env"),
    next: chain.next(behind.rest.length > 0 ? behind.rest : ["/bin/sh"], { elsewhere: true }),
  };
}

function checkRootfs(rootfs: string): void {
  const stat = statSync(rootfs, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`ROOTFS ${rootfs}: no such directory`, `\`contain rootfs ${rootfs}\` makes a small one`);
  if (!stat.isDirectory()) throw new UsageError(`ROOTFS ${rootfs}: it is not a directory`);
}

function readVolume(name: "bind" | "ro-bind" | "tmpfs", text: string, elsewhere: boolean): Volume {
  const [first = "", second, more] = text.split(":");
  const target = name === "tmpfs" ? first : (second ?? "");
  if (!target.startsWith("/") || more !== undefined) {
    throw new UsageError(
      `--${name} ${text}: it is ${name === "tmpfs" ? "DST[:SIZE]" : "SRC:DST"}`,
      "DST is a path inside the root, and starts with /",
    );
  }
  if (name === "tmpfs") return { kind: "tmpfs", target, size: second === undefined ? undefined : parseSize("--tmpfs", second) };
  if (!elsewhere && !existsSync(first)) throw new UsageError(`--${name} ${text}: there is no ${first} on the host`);
  return { kind: "bind", source: resolve(first), target, readOnly: name === "ro-bind" };
}

function readVariable(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new UsageError(`--env ${text}: it is NAME=VALUE`);
  return text;
}
