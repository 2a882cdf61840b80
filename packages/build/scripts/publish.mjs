// Publishes every package of dist/npm whose version the registry does not have yet; the native ones first, since the others name them.
// With --dry-run npm only says what it would do. Needs `pnpm run packages`.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { out } from "./bundle.mjs";

const npm = join(out, "npm");
if (!existsSync(npm)) {
  console.error("missing packages: pnpm run packages");
  process.exit(1);
}
const rank = (name) => (name.startsWith("linux-") ? 0 : name === "runtime" ? 1 : 2);
for (const folder of readdirSync(npm).toSorted((a, b) => rank(a) - rank(b))) {
  const { name, version } = JSON.parse(readFileSync(join(npm, folder, "package.json"), "utf8"));
  const there = spawnSync("npm", ["view", `${name}@${version}`, "version"], { encoding: "utf8" });
  if (there.stdout.trim() === version) console.log(`${name} ${version} is there already`);
  else execFileSync("npm", ["publish", ...process.argv.slice(2)], { cwd: join(npm, folder), stdio: "inherit" });
}
