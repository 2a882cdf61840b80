// Fills packages/*/dist for publishing: JavaScript and declarations of each package, and the bundled programs for its bin.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { BUNDLES } from "./bundle.mjs";

const root = resolve(import.meta.dirname, "../../..");
const emitted = join(root, "dist/packages");

const { status } = spawnSync("tsc", ["-p", join(import.meta.dirname, "tsconfig.json"), "--outDir", emitted], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

for (const name of readdirSync(emitted)) {
  const dist = join(root, "packages", name, "dist");
  rmSync(dist, { recursive: true, force: true });
  cpSync(join(emitted, name, "src"), dist, { recursive: true });
  if (name === "kernel") continue;
  for (const part of [
    "bin",
    ...["contain.cjs", "all.js.LEGAL.txt", "report.html"].map((file) => `lib/${file}`),
    ...BUNDLES.flatMap((bundle) => [`lib/${bundle}.js`, `lib/${bundle}.cache`]),
  ]) {
    const from = join(root, "dist", part);
    if (existsSync(from)) cpSync(from, join(dist, part), { recursive: true });
  }
}
rmSync(emitted, { recursive: true });
