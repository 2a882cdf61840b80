// Manual pages and completions, into dist/share: the tables are TypeScript, so a bundle of them is made and run.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { define, out, source } from "./bundle.mjs";

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../contain/package.json"), "utf8"));
export async function writePages() {
  const work = mkdtempSync(join(out, "pages-"));
  const outfile = join(work, "pages.cjs");
  await build({
    entryPoints: [join(source, "pages/pages.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["koffi"],
    define,
  });
  const { default: pages } = await import(outfile);
  pages.writePages(join(out, "share"), version);
  rmSync(work, { recursive: true });
}
