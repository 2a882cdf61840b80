// Makes the template of `contain report`'s page: one file with its styles and script, and a policy that allows no others.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";

const folder = join(import.meta.dirname, "../../record/page");
const read = (file) => readFileSync(file, "utf8");
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const skeleton = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="@@POLICY@@">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@@TITLE@@</title>
<style>@@STYLE@@</style>
</head>
<body>
<noscript>The charts are drawn by the script in this page.</noscript>
<script type="application/json" id="data">@@DATA@@</script>
<script>@@SCRIPT@@</script>
</body>
</html>
`;

/** The text of the template; @@TITLE@@ and @@DATA@@ are left to be filled in. */
export async function makePage() {
  const uplot = createRequire(import.meta.url).resolve("uplot/package.json");
  const license = read(join(uplot, "../LICENSE")).trim();
  const { outputFiles } = await build({
    entryPoints: [join(folder, "page.ts")],
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    legalComments: "none",
    banner: { js: `/*! uPlot:\n${license}\n*/` },
    write: false,
  });
  const script = outputFiles[0].text.replaceAll("</script", "<\\/script");
  const style = read(join(uplot, "../dist/uPlot.min.css")) + read(join(folder, "page.css"));
  const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; script-src ${hash(script)}; style-src ${hash(style)}`;
  const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
  return skeleton.replace(/@@(POLICY|STYLE|SCRIPT)@@/g, (_, name) => parts[name]);
}
