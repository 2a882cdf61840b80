// Lays out every npm package, as it is published, in dist/npm: the two libraries, a command's package for each tool, one package with
// the programs for Node, and one for each native build that is there. Needs `pnpm run build`; `build:native` for the native ones.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BUNDLES, out, packagedLauncher, TOOLS } from "./bundle.mjs";
import { notice } from "./notice.mjs";
import { findKoffi, nativeFolderOf } from "./target.mjs";

const root = join(out, "..");
const npm = join(out, "npm");
const emitted = join(out, "emitted");
rmSync(npm, { recursive: true, force: true });
const { status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", join(import.meta.dirname, "tsconfig.json"), "--outDir", emitted], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

const manifestOf = (name) => JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
const { version } = manifestOf("contain");
const common = {
  version,
  license: "MIT",
  engines: { node: ">=20.16 <21 || >=22.3" }, // process.getBuiltinModule
  os: ["linux"],
  cpu: ["x64", "arm64"],
  publishConfig: { access: "public" },
};

/** Where it comes from: npm's provenance wants it in the manifest, and only the workflow of a release knows it. */
function origin(name) {
  const { GITHUB_SERVER_URL: server = "https://github.com", GITHUB_REPOSITORY: repository } = process.env;
  if (!repository) return {};
  const url = `${server}/${repository}`;
  const directory = existsSync(join(root, "packages", name)) ? { directory: `packages/${name}` } : {};
  return { homepage: `${url}#readme`, bugs: `${url}/issues`, repository: { type: "git", url: `git+${url}.git`, ...directory } };
}

/** Makes a package's folder, with its pages and manifest, and returns it. */
function lay(name, manifest) {
  const folder = join(npm, name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  const changes = join(root, "packages", name, "CHANGELOG.md");
  if (existsSync(changes)) copyFileSync(changes, join(folder, "CHANGELOG.md"));
  const readme = join(root, "packages", name, "README.md");
  if (existsSync(readme)) copyFileSync(readme, join(folder, "README.md"));
  else writeFileSync(join(folder, "README.md"), `# ${manifest.name}\n\n${manifest.description}. A part of @contain-tools/contain.\n`);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...common, ...origin(name), ...manifest }, null, 2)}\n`);
  return folder;
}

const dist = (file, end) => file.replace("./src/", "./dist/").replace(/\.ts$/, end);

/** What is exported, as JavaScript and declarations. */
function published(exports) {
  return Object.fromEntries(
    Object.entries(exports).map(([path, file]) => [path, { types: dist(file, ".d.ts"), default: dist(file, ".js") }]),
  );
}

/** Packages of this project in this version, the others as the manifest has them. */
const resolved = (dependencies) =>
  Object.fromEntries(Object.entries(dependencies).map(([name, range]) => [name, range.startsWith("workspace:") ? version : range]));

function library(name) {
  const { private: _, ...manifest } = manifestOf(name);
  const sideEffects = Array.isArray(manifest.sideEffects) ? manifest.sideEffects.map((file) => dist(file, ".js")) : manifest.sideEffects;
  const folder = lay(name, {
    ...manifest,
    sideEffects,
    exports: published(manifest.exports),
    dependencies: resolved(manifest.dependencies),
  });
  cpSync(join(emitted, name, "src"), join(folder, "dist"), { recursive: true });
}

/** Packages of commands: launchers, which find the programs in another package. */
function commands(name, programs, more = {}) {
  const { exports: _, devDependencies: __, ...manifest } = manifestOf(name);
  const bin = Object.fromEntries(programs.map((program) => [program, `bin/${program}`]));
  const folder = lay(name, { ...manifest, ...more, bin, dependencies: { "@contain-tools/runtime": version } });
  mkdirSync(join(folder, "bin"));
  for (const program of programs) writeFileSync(join(folder, "bin", program), packagedLauncher(), { mode: 0o755 });
  return folder;
}

const described = (name, description) => ({
  name: `@contain-tools/${name}`,
  description,
  keywords: ["linux", "containers"],
  type: "commonjs",
});

library("kernel");
// The reference pages, which typedoc.json puts into the package's docs.
const typedoc = join(import.meta.dirname, "../node_modules/.bin/typedoc");
if (spawnSync(typedoc, ["--logLevel", "Warn"], { cwd: join(root, "packages/kernel"), stdio: "inherit" }).status !== 0) process.exit(1);
library("chain");
for (const name of TOOLS) if (!name.startsWith("contain")) commands(name, [name]);

const pages = readdirSync(join(out, "share/man/man1")).map((page) => `./share/man/man1/${page}`);
const contain = commands("contain", TOOLS, { exports: published(manifestOf("contain").exports), man: pages });
for (const part of ["index", "library"].flatMap((part) =>
  readdirSync(join(emitted, "contain/src")).filter((file) => file.startsWith(part)),
))
  cpSync(join(emitted, "contain/src", part), join(contain, "dist", part), { recursive: true });
cpSync(join(out, "share"), join(contain, "share"), { recursive: true });
cpSync(join(root, "packages/contain/docs"), join(contain, "docs"), { recursive: true });
cpSync(join(root, "docs/schemas"), join(contain, "schemas"), { recursive: true });

const natives = ["x64", "arm64"]
  .flatMap((arch) => ["glibc", "musl"].map((libc) => ({ arch, libc })))
  .map(({ arch, libc }) => ({
    name: `linux-${arch}${libc === "musl" ? "-musl" : ""}`,
    made: nativeFolderOf(arch, libc),
    arch,
    libc,
  }))
  .filter(({ made }) => existsSync(join(made, "contain")));
const runtime = lay("runtime", {
  ...described("runtime", "The programs of contain for Node, as bundles"),
  optionalDependencies: Object.fromEntries(natives.map(({ name }) => [`@contain-tools/${name}`, version])),
});
for (const part of ["bin", "lib/contain.cjs", "lib/report.html", "lib/koffi", ...BUNDLES.map((bundle) => `lib/${bundle}.js`)])
  cpSync(join(out, part), join(runtime, part), { recursive: true });
writeFileSync(join(runtime, "NOTICE"), await notice("node"));

for (const { name, made, arch, libc } of natives) {
  const platform = { cpu: [arch], libc: [libc] };
  const folder = lay(name, {
    ...described(name, `The programs of contain for Linux on ${arch} with ${libc}, which need no Node`),
    ...platform,
  });
  cpSync(made, folder, { recursive: true, filter: (file) => !lstatSync(file).isSymbolicLink() }); // npm packs no links
  renameSync(join(folder, "lib/contain"), join(folder, "lib/contain-tools"));
  // The prebuilt one runs with older C libraries than that of the machine which builds; Node needs the C++ library as well.
  const koffi = findKoffi({ arch, libc });
  copyFileSync(koffi, join(folder, "lib/koffi.node"));
  cpSync(koffi, join(runtime, `lib/koffi/${libc === "musl" ? "musl" : "linux"}_${arch}/koffi.node`));
  writeFileSync(join(folder, "NOTICE"), await notice("native"));
}
rmSync(emitted, { recursive: true });
console.log(npm);
