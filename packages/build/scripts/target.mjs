// The target of native programs (--libc glibc or musl, --arch x64 or arm64; this machine by default), and their parts: Bun's and
// koffi's npm packages, unmodified.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { koffiFile, koffiManifest, out, ownLibc } from "./bundle.mjs";

const words = process.argv.join(" ");
export const target = {
  arch: /--arch[ =](x64|arm64)/.exec(words)?.[1] ?? process.arch,
  libc: /--libc[ =](glibc|musl)/.exec(words)?.[1] ?? ownLibc,
};
const own = { arch: process.arch, libc: ownLibc };
export const isOwn = target.arch === own.arch && target.libc === own.libc;
/** Where the native programs of a target are made; `-arm64-musl` names what differs from this machine. */
export const nativeFolderOf = (arch, libc) =>
  join(out, `native${arch === own.arch ? "" : `-${arch}`}${libc === own.libc ? "" : `-${libc}`}`);
export const nativeFolder = nativeFolderOf(target.arch, target.libc);

/** The Bun that compiles; undefined if none runs here (it needs AVX2 on x86-64). */
export function findCompiler() {
  try {
    const file = createRequire(join(out, "../package.json")).resolve(`${bunPackage(own)}/bin/bun`);
    execFileSync(file, ["--version"], { stdio: "ignore" });
    return file;
  } catch {
    return undefined;
  }
}

/** The Bun that goes into the program. */
export function findRuntime() {
  const name = bunPackage(target);
  return isOwn ? createRequire(join(out, "../package.json")).resolve(`${name}/bin/bun`) : join(fetchPackage(name), "bin/bun");
}

/** koffi.node as its package has it. */
export function findKoffi({ arch, libc } = target) {
  const folder = libc === "glibc" ? "linux" : "musl";
  const name = `@koromix/koffi-linux-${arch}`;
  return koffiFile(arch, folder) ?? join(fetchPackage(name, koffiManifest.optionalDependencies[name]), `${folder}_${arch}/koffi.node`);
}

function bunPackage({ arch, libc }) {
  return `@oven/bun-linux-${arch === "arm64" ? "aarch64" : arch}${libc === "musl" ? "-musl" : ""}`;
}

/** The package manager installs only what this machine can run; other targets come from npm, checked against the lock file. */
function fetchPackage(name, version = JSON.parse(readFileSync(join(out, "../package.json"), "utf8")).optionalDependencies[name]) {
  const work = join(out, "fetched", name);
  const archive = join(work, `${name.slice(1).replace("/", "-")}-${version}.tgz`);
  mkdirSync(work, { recursive: true });
  if (!existsSync(archive))
    execFileSync("npm", ["pack", "--silent", `${name}@${version}`], { cwd: work, stdio: ["ignore", "ignore", "inherit"] });
  const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (!readFileSync(join(out, "../pnpm-lock.yaml"), "utf8").includes(`sha512-${digest}`))
    throw new Error(`${archive}: the checksum is not that of the lock file`);
  execFileSync("tar", ["-xzf", archive, "-C", work]);
  return join(work, "package");
}
