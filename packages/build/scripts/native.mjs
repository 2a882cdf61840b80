// Compiles the eight tools with Bun into one program that needs no Node: dist/native/lib/{contain,koffi.node}, and launchers as for Node.
// With --if-possible, a machine without a Bun keeps the programs for Node, and a message says so. --libc musl (or glibc) and
// --arch arm64 (or x64) build for another target, in dist/native-musl, dist/native-arm64, …
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { out, TOOLS, writeLaunchers } from "./bundle.mjs";
import { compile } from "./compile.mjs";
import { builtKoffi } from "./koffi.mjs";
import { findCompiler, findKoffi, isOwn, nativeFolder, target } from "./target.mjs";

const compiler = findCompiler();
if (compiler === undefined) {
  console.error("native programs cannot be built: no Bun runs on this machine; the programs for Node are in dist/bin");
  process.exit(process.argv.includes("--if-possible") ? 0 : 1);
}
const lib = join(nativeFolder, "lib");
rmSync(nativeFolder, { recursive: true, force: true });
mkdirSync(lib, { recursive: true });
await compile(compiler, join(lib, "contain"));
copyFileSync((isOwn && target.libc === "glibc" ? builtKoffi() : undefined) ?? findKoffi(), join(lib, "koffi.node"));
copyFileSync(join(out, "lib/report.html"), join(lib, "report.html"));
for (const name of TOOLS) if (name !== "contain") symlinkSync("contain", join(lib, name));
writeLaunchers(nativeFolder, "bun");
if (isOwn) check(join(nativeFolder, "contain"));

/** The program works, and Bun's variables change nothing. */
function check(file) {
  const wanted = execFileSync(file, ["--version"], { encoding: "utf8" });
  for (const setting of ["BUN_BE_BUN=1", "BUN_OPTIONS=--revision", "BUN_JSC_dumpOptions=1"]) {
    const [name, value] = setting.split("=");
    const { stdout, stderr } = spawnSync(file, ["--version"], { encoding: "utf8", env: { ...process.env, [name]: value } });
    if (stdout !== wanted || stderr !== "") console.error(`native programs: they obey ${setting}`);
  }
}
