// What the builds have in common: how the sources become one file, and where koffi's prebuilt binaries are.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

export { TOOLS } from "../src/bundles/which.cjs";

export const source = resolve(import.meta.dirname, "../src");
export const out = resolve(import.meta.dirname, "../../../dist");
/** The libc of this machine, and the one that native programs are made for: --libc musl or --libc glibc. */
export const ownLibc = process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc";
export const libc = /--libc[ =](glibc|musl)/.exec(process.argv.join(" "))?.[1] ?? ownLibc;
export const nativeFolder = join(out, libc === ownLibc ? "native" : `native-${libc}`);
/** The bundles of src/bundles. */
export const BUNDLES = ["nsexec", "tools", "chain", "exec", "explain", "all"];

/** Writes bundles/NAME.ts, with all that it needs but koffi, as NAME.js in `outdir`. */
export function bundle(names, outdir, options) {
  return build({
    entryPoints: names.map((name) => join(source, "bundles", `${name}.ts`)),
    outdir,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    conditions: ["source"],
    mainFields: ["module", "main"], // a CommonJS package is evaluated at every start
    define: { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" },
    minifyWhitespace: true, // less to scan at every start
    minifySyntax: true,
    legalComments: "linked",
    ...options,
  });
}

/** koffi.node for an architecture and a libc (linux is glibc); undefined where the package manager has not installed it. */
export function koffiFile(arch, libc) {
  const koffi = createRequire(createRequire(import.meta.url).resolve("koffi"));
  try {
    const file = join(dirname(koffi.resolve(`@koromix/koffi-linux-${arch}`)), `${libc}_${arch}/koffi.node`);
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined; // only this machine's is installed
  }
}
