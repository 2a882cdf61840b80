// Builds koffi.node from its npm package's own source, with the C++ library linked in: a machine may lack the library, and binding it
// costs the dynamic linker a millisecond per start. Without a compiler the prebuilt file is used.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { arch, pid } from "node:process";
import { koffiFolder, koffiManifest, out } from "./bundle.mjs";

const cache = join(out, "../node_modules/.cache/contain-tools");
const made = join(cache, `koffi-${koffiManifest.version}-${arch}.node`);

/** The file. The first build takes half a minute and is cached in node_modules/.cache. Undefined if it cannot be built. */
export function builtKoffi() {
  if (existsSync(made)) return made;
  if (!["c++", "cmake", "make"].every((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0)) return undefined;
  const work = join(cache, `koffi-${pid}`);
  mkdirSync(cache, { recursive: true });
  cpSync(koffiFolder, work, { recursive: true, dereference: true });
  try {
    const { status, stderr } = spawnSync(process.execPath, ["cnoke.cjs", "-P", ".", "-D", "src/koffi", "--release"], {
      cwd: work,
      env: { ...process.env, LDFLAGS: "-static-libstdc++ -static-libgcc" },
      encoding: "utf8",
    });
    if (status !== 0) {
      console.error(`koffi could not be built from source; using the prebuilt one\n${stderr}`);
      return undefined;
    }
    renameSync(join(work, `build/koffi/linux_${arch}/koffi.node`), made);
    return made;
  } finally {
    rmSync(work, { recursive: true });
  }
}
