// The licences of all that is shipped: the npm packages that esbuild finds in the bundles and in the report page, koffi, and for the native
// programs Bun with what it links.
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { BUNDLES, define, koffiFolder, koffiManifest, out, source } from "./bundle.mjs";

const LICENCES = "/usr/share/common-licenses"; // Debian's base-files
const bun = JSON.parse(readFileSync(join(out, "../package.json"), "utf8")).optionalDependencies["@oven/bun-linux-x64"];

/** The text for the programs for Node, or for the native ones. */
export async function notice(kind) {
  const sections = [...(await bundled()), ...koffi()];
  if (kind === "native") {
    sections.push(["Bun", readFileSync(join(import.meta.dirname, "../notices/bun.txt"), "utf8").replace("VERSION", bun)]);
    for (const name of ["LGPL-2", "LGPL-2.1", "Apache-2.0"]) sections.push([name, licence(name)]);
  }
  const line = "=".repeat(100);
  const head = "contain is under the MIT licence (see LICENSE). It contains software of others, under these licences.\n";
  return head + sections.map(([name, text]) => `\n${line}\n${name}\n${line}\n\n${text.trim()}\n`).join("");
}

/** Name, version and licence of each npm package whose code is in the bundles or in the page. */
async function bundled() {
  const { metafile } = await build({
    entryPoints: [...BUNDLES.map((name) => join(source, `bundles/${name}.ts`)), join(source, "../../record/page/page.ts")],
    outdir: out,
    bundle: true,
    platform: "node",
    mainFields: ["module", "main"],
    define,
    metafile: true,
    write: false,
  });
  const folders = Object.keys(metafile.inputs).flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  const uplot = dirname(createRequire(import.meta.url).resolve("uplot/package.json"));
  return [...new Set([...folders, uplot].map((folder) => realpathSync(folder)))].map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${folder}: there is no licence`);
    return [`${name} ${version}`, readFileSync(join(folder, file), "utf8")];
  });
}

function koffi() {
  const files = {
    koffi: "LICENSE.txt",
    "node-addon-api": "vendor/node-addon-api/LICENSE.md",
    "node-api-headers": "vendor/node-api-headers/LICENSE",
  };
  return Object.entries(files).map(([name, file]) => [
    name === "koffi" ? `${name} ${koffiManifest.version}` : `${name}, in koffi`,
    readFileSync(join(koffiFolder, file), "utf8"),
  ]);
}

function licence(name) {
  const file = join(LICENCES, name);
  if (!existsSync(file)) throw new Error(`${file} is missing: the package base-files of Debian and Ubuntu has it`);
  return readFileSync(file, "utf8");
}
