// The native program, as `bun build --compile` writes it. Nothing in it is changed afterwards.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BUNDLES, bundle, source } from "./bundle.mjs";
import { findRuntime, isOwn } from "./target.mjs";

const WORDS = "build --compile --bytecode --format=cjs --target=bun ./entry.cjs --outfile contain".split(" ");
for (const file of ["dotenv", "bunfig", "tsconfig", "package-json"]) WORDS.push(`--no-compile-autoload-${file}`);

/** No paths of the build machine in the program: it finds files beside it by its own path. */
const NOWHERE = { "import.meta.filename": '"/contain"', "import.meta.dirname": '"/"' };

/** Compiles the tools with this Bun into a file named `contain`. */
export async function compile(compiler, program) {
  const work = mkdtempSync(join(dirname(program), "compile-"));
  try {
    await bundle([...BUNDLES, "version"], work, { legalComments: "none", outExtension: { ".js": ".cjs" }, define: NOWHERE });
    for (const file of ["entry.cjs", "bundles/which.cjs"]) copyFileSync(join(source, file), join(work, basename(file)));
    const words = isOwn ? WORDS : [...WORDS, "--compile-executable-path", findRuntime()];
    execFileSync(compiler, words, { cwd: work, stdio: ["ignore", "ignore", "inherit"] });
    // A file written in one call lies in large folios of the page cache, which saves a tenth of a start.
    writeFileSync(program, readFileSync(join(work, "contain")), { mode: 0o755 });
  } finally {
    rmSync(work, { recursive: true });
  }
}
