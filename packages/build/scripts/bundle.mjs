// Shared by the builds: bundling the sources, writing the launchers, finding koffi's prebuilt binaries.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { TOOLS } from "../src/bundles/which.cjs";

export { TOOLS };

export const source = resolve(import.meta.dirname, "../src");
export const out = resolve(import.meta.dirname, "../../../dist");
/** The libc of this machine. */
export const ownLibc = process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc";

/** The bundles of src/bundles. */
export const BUNDLES = ["tools", "run", "all", "oci", "life", "config"];

/** import.meta in a CommonJS file. */
export const define = { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" };

/** Writes bundles/NAME.ts, with everything it imports except koffi, as NAME.js in `outdir`. */
export function bundle(names, outdir, options) {
  return build({
    entryPoints: names.map((name) => join(source, "bundles", `${name}.ts`)),
    outdir,
    absWorkingDir: source, // names in the bundle are relative to it
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    mainFields: ["module", "main"], // a CommonJS package is evaluated at every start
    define,
    minifyWhitespace: true, // less to scan at every start
    minifySyntax: true,
    legalComments: "linked",
    ...options,
  });
}

const part = (name) => readFileSync(join(source, "launcher", `${name}.sh`), "utf8");

/** The text of a launcher; `runtime` is node or bun. It finds the programs beside itself, or where the lines `place` say. */
export const launcher = (runtime, place = part("self")) => `#!/bin/sh\n${part(runtime)}\n${place}\n${part("launcher")}`;

/** The launcher in an npm package, which finds out at its start where the programs are and what runs them. */
export const packagedLauncher = () =>
  `#!/bin/sh\n${part("self")}\n${part("packages").replaceAll(/^ *@(.*)\.sh@$/gm, (_, name) => part(name))}\n${part("launcher")}`;

/** Puts the launchers of all programs into a folder. */
export function writeLaunchers(folder, runtime) {
  for (const name of TOOLS) writeFileSync(join(folder, name), launcher(runtime), { mode: 0o755 });
}

/** The folder of koffi's npm package, and its package.json. */
export const koffiFolder = dirname(createRequire(import.meta.url).resolve("koffi"));
export const koffiManifest = JSON.parse(readFileSync(join(koffiFolder, "package.json"), "utf8"));

/** koffi.node for an architecture and a libc (linux is glibc); undefined if the package manager did not install it. */
export function koffiFile(arch, libc) {
  const koffi = createRequire(join(koffiFolder, "package.json"));
  try {
    const file = join(dirname(koffi.resolve(`@koromix/koffi-linux-${arch}`)), `${libc}_${arch}/koffi.node`);
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined; // only this machine's is installed
  }
}
