// Compiles the six tools with Bun into one program that needs no Node: dist/native/{contain,koffi.node}, the other names are links.
// With --if-possible a machine for which there is no Bun keeps the programs for Node, and is told so. With --libc musl (or glibc) they
// are made for that libc, in dist/native-musl where it is not this machine's.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { arch } from "node:process";
import { BUNDLES, bundle, koffiFile, libc, nativeFolder, out, ownLibc, source, TOOLS } from "./bundle.mjs";
import { onLargePages } from "./elf.mjs";
import { withoutCxx } from "./nocxx.mjs";

/**
 * Two options of JavaScriptCore, whose defaults nothing else changes: these bytes set them in this version of Bun, and `at` of them
 * becomes `to`. useWarmUpMarkedBlocks makes a thread that holds locks, for which a forked child, or we when its signals are blocked,
 * would wait for ever: mov byte [option], 1 with glibc; with musl mov [option], r13b, where r14b is 0. useJIT makes ready at every start,
 * a twentieth of a container's, a compiler that works on threads of its own, which a forked child has not: mov byte [option], 1.
 */
const DEFAULTS = {
  glibc: [
    { bytes: Buffer.from("c6056b1de1040148b8200000", "hex"), at: 6, to: 0 },
    { bytes: Buffer.from("c605d53de00401c6058844e00401", "hex"), at: 6, to: 0 },
  ],
  musl: [
    { bytes: Buffer.from("44882dd261a80048b8200000", "hex"), at: 2, to: 0x35 },
    { bytes: Buffer.from("c60505cd170401c605b8d3170401", "hex"), at: 6, to: 0 },
  ],
}[libc];
const folder = nativeFolder;
rmSync(folder, { recursive: true, force: true });
const runtime = findRuntime(libc);
const compiler = findRuntime(ownLibc);
const koffi = koffiFile(arch, libc === "glibc" ? "linux" : libc);
if (runtime === undefined || compiler === undefined || koffi === undefined || !isKnown(runtime)) {
  console.error(
    `native programs cannot be made here: there is no Bun for it that runs on this machine and is known (${arch}, ${libc}); those for Node are in dist/bin`,
  );
  process.exit(process.argv.includes("--if-possible") ? 0 : 1);
}

// Modules of Bun's that take a third to one and a half milliseconds to load, for all that a start needs of them.
const ours = (name) => join(source, "../../kernel/src/native", name);
const alias = {
  "node:fs": ours("fs.ts"),
  "node:module": ours("module.ts"),
  "node:path": ours("path.ts"),
};
await bundle(BUNDLES, folder, { legalComments: "none", outExtension: { ".js": ".cjs" }, alias });
for (const file of ["entry.cjs", "arrays.cjs", "bundles/which.cjs"]) copyFileSync(join(source, file), join(folder, basename(file)));
const program = join(folder, "contain");
const words = "build --compile --bytecode --format=cjs --target=bun".split(" ");
for (const file of ["dotenv", "bunfig", "tsconfig", "package-json"]) words.push(`--no-compile-autoload-${file}`);
words.push(join(folder, "entry.cjs"), "--outfile", program);
if (runtime !== compiler) words.push("--compile-executable-path", runtime);
execFileSync(compiler, words, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
for (const name of ["entry", "arrays", "which", ...BUNDLES]) rmSync(join(folder, `${name}.cjs`));
adapt(program);
writeFileSync(join(folder, "koffi.node"), lean(koffi));
copyFileSync(join(out, "lib/report.html"), join(folder, "report.html"));
for (const name of TOOLS) if (name !== "contain") symlinkSync("contain", join(folder, name));
if (libc === ownLibc) check(program);

/** koffi.node, without the C++ library where it is known how. */
function lean(file) {
  const bytes = readFileSync(file);
  const changed = libc === "glibc" ? withoutCxx(bytes) : undefined;
  if (changed === undefined && libc === "glibc") console.error("native programs: this koffi.node needs the C++ library");
  return changed ?? bytes;
}

function isKnown(runtime) {
  const bytes = readFileSync(runtime);
  return DEFAULTS.every(({ bytes: code }) => bytes.includes(code));
}

function findRuntime(libc) {
  const name = `@oven/bun-linux-${arch === "arm64" ? "aarch64" : arch}${libc === "musl" ? "-musl" : ""}`;
  if (libc !== ownLibc) return fetchRuntime(name);
  try {
    const file = createRequire(join(out, "../package.json")).resolve(`${name}/bin/bun`);
    execFileSync(file, ["--version"], { stdio: "ignore" }); // it needs AVX2 on x86-64
    return file;
  } catch {
    return undefined;
  }
}

/** A package manager installs what this machine's libc can run; so the other libc's is had from npm, checked against the lock file. */
function fetchRuntime(name) {
  const { optionalDependencies } = JSON.parse(readFileSync(join(out, "../package.json"), "utf8"));
  const work = join(out, "fetched", name);
  const archive = join(work, `${name.slice(1).replace("/", "-")}-${optionalDependencies[name]}.tgz`);
  mkdirSync(work, { recursive: true });
  if (!existsSync(archive)) {
    execFileSync("npm", ["pack", "--silent", `${name}@${optionalDependencies[name]}`], {
      cwd: work,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (!readFileSync(join(out, "../pnpm-lock.yaml"), "utf8").includes(`sha512-${digest}`))
    throw new Error(`${archive}: not what the lock file has`);
  execFileSync("tar", ["-xzf", archive, "-C", work]);
  return join(work, "package/bin/bun");
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
  for (const { bytes: code, at, to } of DEFAULTS) bytes[bytes.indexOf(code) + at] = to;
  // A new file written at once lies in large folios of the page cache, which a tenth of a start's time depends on.
  rmSync(file);
  writeFileSync(file, onLargePages(bytes), { mode: 0o755 });
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
