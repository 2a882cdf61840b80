// Makes dist/contain-VERSION-linux-ARCH.tar.gz of the native programs, and its checksum beside it. Needs
// `pnpm run build:native`; --libc musl packs what `native.mjs --libc musl` made.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { arch } from "node:process";
import { libc, nativeFolder as native, out } from "./bundle.mjs";

if (!existsSync(join(native, "contain"))) {
  console.error("there are no native programs: pnpm run build:native");
  process.exit(1);
}
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"));
const name = `contain-${version}-linux-${arch}${libc === "musl" ? "-musl" : ""}`;
const work = mkdtempSync(join(out, "archive-"));
cpSync(native, join(work, name), { recursive: true, verbatimSymlinks: true });
for (const file of ["LICENSE", "README.md"]) copyFileSync(join(out, "..", file), join(work, name, file));
const archive = join(out, `${name}.tar.gz`);
// The same input makes the same archive: no time of day, no user of this machine.
const words = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-I", "gzip -n", "-C", work, "-cf", archive, name];
execFileSync("tar", words, { stdio: "inherit" });
rmSync(work, { recursive: true });
const checksum = createHash("sha256").update(readFileSync(archive)).digest("hex");
writeFileSync(`${archive}.sha256`, `${checksum}  ${basename(archive)}\n`);
console.log(archive);
