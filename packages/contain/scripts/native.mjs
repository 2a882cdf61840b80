// Compiles the six tools with Bun into one program that needs no Node: dist/native/{contain,koffi.node}, the other names are links.
// With --if-possible a machine for which there is no Bun keeps the programs for Node, and is told so.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { arch } from "node:process";
import { BUNDLES, bundle, koffiFile, out, source, TOOLS } from "./bundle.mjs";

/**
 * JavaScriptCore's option useWarmUpMarkedBlocks is set here, mov byte [option], 1, in this version of Bun. It makes a thread that holds
 * locks, for which a forked child, or we when its signals are blocked, would wait for ever. There is no other way to turn it off.
 */
const WARM_UP = Buffer.from("c6056b1de1040148b8200000", "hex");
const folder = join(out, "native");
rmSync(folder, { recursive: true, force: true });
const libc = isMusl() ? "musl" : "linux";
const runtime = findRuntime();
const koffi = koffiFile(arch, libc);
if (runtime === undefined || koffi === undefined) {
  console.error(
    `native programs cannot be made here: there is no Bun for it that runs on this machine and is known (${arch}, ${libc}); those for Node are in dist/bin`,
  );
  process.exit(process.argv.includes("--if-possible") ? 0 : 1);
}

await bundle(BUNDLES, folder, { legalComments: "none", outExtension: { ".js": ".cjs" } });
copyFileSync(join(source, "entry.cjs"), join(folder, "entry.cjs"));
copyFileSync(join(source, "bundles/which.cjs"), join(folder, "which.cjs"));
const program = join(folder, "contain");
const words = "build --compile --bytecode --format=cjs --target=bun".split(" ");
for (const file of ["dotenv", "bunfig", "tsconfig", "package-json"]) words.push(`--no-compile-autoload-${file}`);
// A JIT would compile on threads of its own, which a forked child has not and a resident init does not need.
words.push("--compile-jit-policy=1000000", join(folder, "entry.cjs"), "--outfile", program);
execFileSync(runtime, words, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
for (const name of ["entry", "which", ...BUNDLES]) rmSync(join(folder, `${name}.cjs`));
adapt(program);
copyFileSync(koffi, join(folder, "koffi.node"));
copyFileSync(join(out, "lib/report.html"), join(folder, "report.html"));
for (const name of TOOLS) if (name !== "contain") symlinkSync("contain", join(folder, name));
check(program);

function findRuntime() {
  const require = createRequire(join(out, "../package.json"));
  const name = `@oven/bun-linux-${arch === "arm64" ? "aarch64" : arch}${libc === "musl" ? "-musl" : ""}`;
  try {
    const file = require.resolve(`${name}/bin/bun`);
    execFileSync(file, ["--version"], { stdio: "ignore" }); // it needs AVX2 on x86-64
    return readFileSync(file).includes(WARM_UP) ? file : undefined;
  } catch {
    return undefined;
  }
}

function isMusl() {
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

/**
 * Changes what cannot be set from outside. Bun's runtime obeys some fifty variables: BUN_BE_BUN makes any compiled program the whole of
 * Bun, BUN_OPTIONS gives it options. No variable's name has a NUL in it, so with one in these names the runtime finds none of them.
 */
function adapt(file) {
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf("BUN_"); at !== -1; at = bytes.indexOf("BUN_", at + 4)) {
    if (bytes.toString("latin1", at - 4, at) !== "env.") bytes[at] = 0; // JavaScript of its own would not parse
  }
  // On x86-64 the prefix BUN_JSC_ is no string but eight comparisons of a byte: cmp byte [r], 'B'; jne; cmp byte [r+1], 'U'; …
  const text = bytes.toString("latin1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is machine code
  for (const { index } of text.matchAll(/\x80.B\x75.\x41?\x80.\x01U\x75.\x41?\x80.\x02N/gs)) bytes[index + 2] = 0;
  bytes[bytes.indexOf(WARM_UP) + 6] = 0;
  writeFileSync(file, bytes);
}

/** The program works, and no such variable changes that. */
function check(file) {
  const wanted = execFileSync(file, ["--version"], { encoding: "utf8" });
  for (const setting of ["BUN_BE_BUN=1", "BUN_OPTIONS=--revision", "BUN_JSC_dumpOptions=1"]) {
    const [name, value] = setting.split("=");
    const { stdout, stderr } = spawnSync(file, ["--version"], { encoding: "utf8", env: { [name]: value } });
    if (stdout !== wanted || stderr !== "") console.error(`native programs: they obey ${setting}`);
  }
}
