// koffi.node from its npm package's own source, with the C++ library in it: a machine may lack that, and the dynamic linker takes a
// millisecond at every start to bind it. Where there is no compiler the prebuilt one does.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { arch, pid } from "node:process";
import { koffiFolder, koffiManifest, out } from "./bundle.mjs";

const cache = join(out, "../node_modules/.cache/contain-tools");
const made = join(cache, `koffi-${koffiManifest.version}-${arch}.node`);

/** The file, made the first time in half a minute and kept in node_modules/.cache; undefined where it cannot be made. */
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
      console.error(`koffi could not be built from its source, so the prebuilt one is taken\n${stderr}`);
      return undefined;
    }
    renameSync(join(work, `build/koffi/linux_${arch}/koffi.node`), made);
    return made;
  } finally {
    rmSync(work, { recursive: true });
  }
}
