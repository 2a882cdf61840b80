// Bundles the five tools into one program and puts its launchers beside it: dist/bin/{nsexec,cgset,pivot,pid1,contain}.
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "../../..");
const source = resolve(import.meta.dirname, "../src");
const out = join(root, "dist");

rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: [join(source, "program.ts")],
  outfile: join(out, "lib/contain.cjs"),
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  conditions: ["source"],
  define: { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" },
  minifyWhitespace: true, // less to scan at every start
  minifySyntax: true,
  legalComments: "linked",
});

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
