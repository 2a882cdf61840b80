import { existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { readBinary } from "@contain-tools/chain";
import type { Lab } from "./lab.ts";
import { NotHere } from "./stopped.ts";

/** A small program of this host that needs a dynamic loader. */
function dynamicProgram(): string {
  const found = ["/bin/true", "/bin/ls", "/bin/sh"].filter((path) => existsSync(path)).map((path) => realpathSync(path));
  const program = found.find((path) => readBinary(path)?.kind === "elf" && readBinary(path)?.interpreter !== undefined);
  if (program === undefined) throw new NotHere("/bin/true, /bin/ls and /bin/sh are static here and need no loader");
  return program;
}

export const missingLoader: Lab = {
  name: "missing-loader",
  title: "`no such file`, and the file is there",
  story:
    "A binary was copied into a small image (scratch, alpine). Starting it says `no such file or directory` or `not found`; `ls` shows it, executable, at just that path.",
  needs: [],
  setup: (dir) => [`mkdir -p ${dir}/rootfs/proc ${dir}/rootfs/dev && cp ${dynamicProgram()} ${dir}/rootfs/app`],
  commands: (dir) => [
    ["contain", "run", "-q", "--rootfs", `${dir}/rootfs`, "--", "/app"],
    ["contain", "run", "-q", "--", `${dir}/rootfs/app`],
  ],
  question:
    "A program of this host is copied to rootfs/app, executable; nothing else is there. It runs once on that root, once on the host's. What happens?",
  answers: [
    "it runs in both: a program is one file",
    "126 on the small root: permission denied",
    "127 on the small root: execve(2) says ENOENT",
  ],
  right: 2,
  play(stage) {
    const rootfs = join(stage.dir, "rootfs");
    const { mode, size } = statSync(join(rootfs, "app"));
    stage.note(`${rootfs}/app`, `mode ${(mode & 0o777).toString(8)}, ${size} bytes`, "stat(2): the file is there");
    const loader = readBinary(join(rootfs, "app"))?.interpreter ?? "";
    stage.note(`${rootfs}/app PT_INTERP`, loader, "elf(5): the program that the kernel must load first");
    const small = stage.end(stage.start(0));
    stage.file(join(rootfs, loader), "execve(2): ENOENT also when the interpreter of a script or of an ELF file does not exist");
    const whole = stage.end(stage.start(1));
    stage.check("its loader is not in the root", loader !== "" && !existsSync(join(rootfs, loader)));
    stage.check("there it ended with 127", small.status === 127);
    stage.check("on the host's root the same file ended with 0", whole.status === 0);
  },
  why: "A dynamic program names its loader by an absolute path (PT_INTERP). execve(2) opens that too, in the container's root, and its ENOENT is about the loader, not about the program. The same is true for the interpreter of a script's #! line, where a Windows line end is enough: `/bin/sh\\r`.",
  fix: "`readelf -l FILE | grep interpreter` (or `head -1` for a script) names what is missing. Copy the loader and what ldd lists, build statically, or use an image with the same libc: glibc and musl have different loaders.",
};
