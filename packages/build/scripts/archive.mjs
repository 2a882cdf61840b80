// Makes dist/contain-VERSION-linux-ARCH.tar.gz of the native programs, and its checksum beside it. Needs
// `pnpm run build:native`; --libc musl and --arch arm64 pack what `native.mjs` made with the same words.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { out } from "./bundle.mjs";
import { notice } from "./notice.mjs";
import { sum } from "./sum.mjs";
import { nativeFolder as native, target } from "./target.mjs";

if (!existsSync(join(native, "contain"))) {
  console.error("missing native programs: pnpm run build:native");
  process.exit(1);
}
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"));
const name = `contain-${version}-linux-${target.arch}${target.libc === "musl" ? "-musl" : ""}`;
const work = mkdtempSync(join(out, "archive-"));
cpSync(native, join(work, name), { recursive: true, verbatimSymlinks: true });
cpSync(join(out, "share"), join(work, name, "share"), { recursive: true });
for (const file of ["LICENSE", "README.md"]) copyFileSync(join(out, "..", file), join(work, name, file));
writeFileSync(join(work, name, "NOTICE"), await notice("native"));
const archive = join(out, `${name}.tar.gz`);
// The same input makes the same archive: no time of day, no user of this machine.
const words = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-I", "gzip -n", "-C", work, "-cf", archive, name];
execFileSync("tar", words, { stdio: "inherit" });
rmSync(work, { recursive: true });
sum(archive);
console.log(archive);
