// Makes dist/contain_VERSION_ARCH.deb (dpkg-deb) or dist/contain-VERSION-1.ARCH.rpm (rpmbuild) of the native programs for glibc: `node
// system.mjs deb|rpm`. Needs `pnpm run build:native`; --arch arm64 packs what `native.mjs` made with the same words.
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { launcher, out, TOOLS } from "./bundle.mjs";
import { notice } from "./notice.mjs";
import { sum } from "./sum.mjs";
import { nativeFolder, target } from "./target.mjs";

const LIB = "usr/lib/contain";
const DESCRIPTION = "containers from small Unix tools";
const LONG = `nsexec, cgset, pivot, pid1, confine, hold and veth do one job of the kernel each; contain composes
containers of them, finds them again, and explains why they ended. contain-oci is an OCI runtime.`;

const [format] = process.argv.slice(2);
const tool = { deb: "dpkg-deb", rpm: "rpmbuild" }[format];
if (tool === undefined) stop("deb or rpm: which package?");
if (spawnSync(tool, ["--version"], { stdio: "ignore" }).error)
  stop(`no ${tool} here, which makes a .${format}: install the package ${format === "rpm" ? "rpm or rpm-build" : "dpkg"}`);
if (target.libc !== "glibc") stop("a .deb or .rpm is for glibc: for musl there is the archive");
if (!existsSync(join(nativeFolder, "contain"))) stop("missing native programs: pnpm run build:native");

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../contain/package.json"), "utf8"));
const work = mkdtempSync(join(out, `${format}-`));
const tree = join(work, "root");
try {
  await lay();
  const made = format === "deb" ? deb() : rpm();
  sum(made);
  console.log(made);
} finally {
  rmSync(work, { recursive: true });
}

/** The files, as they will lie below /. */
async function lay() {
  const put = (path, text, mode = 0o644) => {
    mkdirSync(join(tree, path, ".."), { recursive: true });
    writeFileSync(join(tree, path), text, { mode });
  };
  cpSync(nativeFolder, join(tree, LIB), { recursive: true, verbatimSymlinks: true });
  // A launcher that need not find out where it lies.
  for (const name of TOOLS) put(`usr/bin/${name}`, launcher("bun", `self=$0 bin=/${LIB} name=${name}`), 0o755);
  const share = join(out, "share");
  for (const page of readdirSync(join(share, "man/man1")))
    put(`usr/share/man/man1/${page}.gz`, gzipSync(readFileSync(join(share, "man/man1", page)), { level: 9 }));
  for (const folder of ["bash-completion", "fish"]) cpSync(join(share, folder), join(tree, "usr/share", folder), { recursive: true });
  const zsh = format === "deb" ? "vendor-completions" : "site-functions";
  cpSync(join(share, "zsh/site-functions"), join(tree, "usr/share/zsh", zsh), { recursive: true });
  const license = readFileSync(join(out, "../LICENSE"), "utf8");
  put("usr/share/doc/contain/copyright", `${license}\n${await notice("native")}`);
  put("usr/share/doc/contain/contain-web.service", readFileSync(join(out, "../docs/contain-web.service")));
  copyFileSync(join(out, "../README.md"), join(tree, "usr/share/doc/contain/README.md"));
}

function deb() {
  const arch = { x64: "amd64", arm64: "arm64" }[target.arch];
  const kilobytes = execFileSync("du", ["-sk", tree], { encoding: "utf8" }).split("\t")[0];
  const control = {
    Package: "contain",
    Version: version,
    Architecture: arch,
    Maintainer: "the contain authors <contain@localhost>",
    "Installed-Size": kilobytes,
    Depends: needs().deb.join(", "),
    Section: "admin",
    Priority: "optional",
    Description: `${DESCRIPTION}\n${LONG.replaceAll(/^/gm, " ")}`,
  };
  mkdirSync(join(tree, "DEBIAN"));
  writeFileSync(
    join(tree, "DEBIAN/control"),
    `${Object.entries(control)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join("")}`,
  );
  const made = join(out, `contain_${version}_${arch}.deb`);
  // zstd: Debian 12, Ubuntu 21.10. The same input makes the same package.
  const env = { ...process.env, SOURCE_DATE_EPOCH: "0" };
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zzstd", "-z6", "--build", tree, made], { stdio: ["ignore", "ignore", "inherit"], env });
  return made;
}

function rpm() {
  const arch = { x64: "x86_64", arm64: "aarch64" }[target.arch];
  const spec = `Name: contain
Version: ${version}
Release: 1
Summary: ${DESCRIPTION}
License: MIT AND LGPL-2.0-only AND LGPL-2.1-only AND Apache-2.0 AND BSD-3-Clause AND Zlib
AutoReqProv: no
Requires: ${needs().rpm.join(", ")}
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%description
${LONG}
%files
/usr/bin/*
/${LIB}
/usr/share/man/man1/*
/usr/share/bash-completion/completions/*
/usr/share/fish/vendor_completions.d/*
/usr/share/zsh/site-functions/*
/usr/share/doc/contain
`;
  writeFileSync(join(work, "contain.spec"), spec);
  const defines = ["_topdir", "_rpmdir"].flatMap((name) => ["--define", `${name} ${work}`]);
  execFileSync("rpmbuild", ["-bb", "--quiet", "--target", `${arch}-linux`, "--buildroot", tree, ...defines, join(work, "contain.spec")], {
    stdio: "inherit",
  });
  const made = join(out, `contain-${version}-1.${arch}.rpm`);
  renameSync(join(work, arch, `contain-${version}-1.${arch}.rpm`), made);
  return made;
}

/** The C library in the newest version that a symbol of the programs names, and the C++ library if koffi.node is the prebuilt one. */
function needs() {
  const files = ["contain", "koffi.node"].map((name) => readFileSync(join(nativeFolder, "lib", name)).toString("latin1"));
  const minor = Math.max(...files.flatMap((text) => [...text.matchAll(/\0GLIBC_2\.(\d+)(?=\0)/g)].map(([, number]) => Number(number))));
  const needsCxx = files.some((text) => text.includes("libstdc++.so.6\0"));
  return {
    deb: [`libc6 (>= 2.${minor})`, ...(needsCxx ? ["libstdc++6"] : [])],
    rpm: [`glibc >= 2.${minor}`, "coreutils", ...(needsCxx ? ["libstdc++"] : [])],
  };
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
