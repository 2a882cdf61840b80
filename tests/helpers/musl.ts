// A root file system whose only libc is musl, as on Alpine. No Debian package has a libstdc++ for musl: it is linked here of the objects
// in the compiler's static one, with what these ask of glibc alone.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

export const MUSL_LOADER = "/lib/ld-musl-x86_64.so.1";

const ONLY_GLIBC_HAS = `
#include <stddef.h>
#include <unistd.h>
__attribute__((visibility("hidden"))) void *__dso_handle = &__dso_handle;
char __libc_single_threaded = 0;
size_t strftime_l(char *, size_t, const char *, const void *, void *);
size_t __strftime_l(char *s, size_t n, const char *f, const void *t, void *l) { return strftime_l(s, n, f, t, l); }
int _dl_find_object(void *pc, void *result) { return -1; }
unsigned arc4random(void) { unsigned x; getentropy(&x, sizeof x); return x; }
int __cxa_thread_atexit_impl(void (*f)(void *), void *object, void *dso) { return 0; }
`;

/** Puts musl, libstdc++ and libgcc_s into `rootfs`/lib. `work` is a directory for the source. */
export function addMusl(rootfs: string, work: string): void {
  const lib = join(rootfs, "lib");
  mkdirSync(lib, { recursive: true });
  copyFileSync(MUSL_LOADER, join(rootfs, MUSL_LOADER));
  const source = join(work, "glibc.c");
  writeFileSync(source, ONLY_GLIBC_HAS);
  link("libgcc_s.so.1", "libgcc_eh.a");
  link("libstdc++.so.6", "libstdc++.a", "libgcc_eh.a");

  function link(name: string, whole: string, ...others: string[]): void {
    const words = `-shared -fPIC -w -nostdlib -o ${join(lib, name)} -Wl,-soname,${name} ${source}`.split(" ");
    words.push("-Wl,--whole-archive", archive(whole), "-Wl,--no-whole-archive", ...others.map(archive), archive("libgcc.a"), MUSL_LOADER);
    const { status, stderr } = run(["gcc", ...words]);
    if (status !== 0) throw new Error(stderr);
  }
}

const archive = (name: string) => run(["gcc", `-print-file-name=${name}`]).stdout.trim();
