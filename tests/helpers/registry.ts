// A registry of npm on this machine, with the packages of some folders: what a user's `npm install` asks for, without the network.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { run } from "./run.ts";

export interface Registry {
  readonly url: string;
  readonly close: () => void;
}

/** Packs each folder as npm does (`npm pack` leaves links out, and so do we), into `place`, and serves them. */
export async function serveRegistry(folders: readonly string[], place: string): Promise<Registry> {
  mkdirSync(place, { recursive: true });
  const packages = new Map(folders.map((folder) => pack(folder, place)));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "").slice(1);
    const found = packages.get(path) ?? [...packages.values()].find(({ file }) => file.endsWith(`/${path}`));
    if (found === undefined) return response.writeHead(404).end("{}");
    if (path.endsWith(".tgz")) return response.end(readFileSync(found.file));
    const { version } = found.manifest;
    const dist = { tarball: `${url}/${found.file.slice(place.length + 1)}`, integrity: found.integrity };
    const document = { name: path, "dist-tags": { latest: version }, versions: { [version]: { ...found.manifest, dist } } };
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => server.close() };
}

function pack(folder: string, place: string) {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name: string; version: string };
  const file = join(place, `${manifest.name.replace(/[@/]/g, "-")}.tgz`);
  const { status, stderr } = run([
    "tar",
    "-C",
    folder,
    "--transform=s,^[.],package,",
    "--hard-dereference",
    "-I",
    "gzip -1",
    "-cf",
    file,
    ".",
  ]);
  if (status !== 0) throw new Error(stderr);
  const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  return [manifest.name, { manifest, file, integrity }] as const;
}
