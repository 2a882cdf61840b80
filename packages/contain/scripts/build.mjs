// Bundles the five tools into one program and puts its launchers beside it: dist/bin/{nsexec,cgset,pivot,pid1,contain}.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "../../..");
const source = resolve(import.meta.dirname, "../src");
const out = join(root, "dist");

rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: ["chain", "all"].map((name) => join(source, "bundles", `${name}.ts`)),
  outdir: join(out, "lib"),
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  conditions: ["source"],
  define: { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" },
  minifyWhitespace: true, // less to scan at every start
  minifySyntax: true,
  legalComments: "linked",
  // What vm.Script compiles is a function, and what it returns is called with these, as a module is.
  banner: { js: "(function (exports, require, module, __filename, __dirname) {" },
  footer: { js: "})" },
});
copyFileSync(join(source, "loader.cjs"), join(out, "lib/contain.cjs"));

// V8's code cache holds for the flags that it was made under, so those of the launcher.
const flags = /^exec node (.*?) -- /m.exec(readFileSync(join(source, "launcher.sh"), "utf8"))[1].split(" ");
execFileSync(process.execPath, [...flags, join(import.meta.dirname, "cache.cjs"), join(out, "lib")], { stdio: "inherit" });

mkdirSync(join(out, "bin"));
for (const name of ["nsexec", "cgset", "pivot", "pid1", "contain"]) {
  copyFileSync(join(source, "launcher.sh"), join(out, "bin", name));
  chmodSync(join(out, "bin", name), 0o755);
}

const koffi = createRequire(createRequire(import.meta.url).resolve("koffi"));
for (const arch of ["x64", "arm64"]) {
  let from;
  try {
    from = dirname(koffi.resolve(`@koromix/koffi-linux-${arch}`));
  } catch {
    continue; // the package manager installs only this machine's
  }
  for (const libc of ["linux", "musl"]) {
    const file = join(from, `${libc}_${arch}/koffi.node`);
    if (!existsSync(file)) continue;
    mkdirSync(join(out, `lib/koffi/${libc}_${arch}`), { recursive: true });
    copyFileSync(file, join(out, `lib/koffi/${libc}_${arch}/koffi.node`));
  }
}
