// A root file system to run in, made once for each test file by the product's own `contain rootfs`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { run } from "./run.ts";

/** A directory below /tmp that every user may enter; removed when the test file has ended. */
export function scratch(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `contain-test-${name}-`));
  run(["chmod", "755", dir]);
  after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A small rootfs in `dir`/rootfs. */
export function makeRootfs(dir: string): string {
  const rootfs = join(dir, "rootfs");
  const { status, stderr } = run(["contain", "rootfs", rootfs]);
  if (status !== 0) throw new Error(stderr);
  return rootfs;
}
