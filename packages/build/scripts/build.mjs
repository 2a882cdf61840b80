// Bundles the eight tools for Node and puts their launchers beside: dist/bin/{nsexec,cgset,pivot,pid1,confine,hold,veth,contain}.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { BUNDLES, bundle, define, koffiFile, launcher, out, source, writeLaunchers } from "./bundle.mjs";
import { makePage } from "./page.mjs";
import { writePages } from "./pages.mjs";

rmSync(out, { recursive: true, force: true });
await bundle(BUNDLES, join(out, "lib"), {
  // vm.Script compiles a function expression; the loader calls it with these, like a CommonJS module.
  banner: { js: "(function (exports, require, module, __filename, __dirname) {" },
  footer: { js: "})" },
});
const loader = { entryPoints: [join(source, "loader.cjs")], outfile: join(out, "lib/contain.cjs"), define };
await build({ ...loader, bundle: true, platform: "node", minifySyntax: true });

// V8's code cache is valid only with the flags it was made with: the launcher's.
const flags = /^ *exec node (.*?) -- /m.exec(launcher("node"))[1].split(" ");
execFileSync(process.execPath, [...flags, join(import.meta.dirname, "cache.cjs"), join(out, "lib"), ...BUNDLES], { stdio: "inherit" });

writeFileSync(join(out, "lib/report.html"), await makePage());

await writePages();

mkdirSync(join(out, "bin"));
writeLaunchers(join(out, "bin"), "node");
for (const arch of ["x64", "arm64"]) {
  for (const libc of ["linux", "musl"]) {
    const file = koffiFile(arch, libc);
    if (file === undefined) continue;
    mkdirSync(join(out, `lib/koffi/${libc}_${arch}`), { recursive: true });
    copyFileSync(file, join(out, `lib/koffi/${libc}_${arch}/koffi.node`));
  }
}
