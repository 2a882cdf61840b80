// Tars and images made by hand, byte by byte.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export interface TarEntry {
  readonly name: string | Buffer;
  /** 0 file, 1 hard link, 2 symbolic link, 3 character device, 5 directory, 6 FIFO. */
  readonly type?: string;
  readonly data?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
  /** PAX records. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
}

function header(entry: TarEntry, size: number): Buffer {
  const bytes = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) => bytes.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  Buffer.from(entry.name).copy(bytes, 0, 0, 100);
  octal(entry.mode ?? (entry.type === "5" ? 0o755 : 0o644), 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(entry.mtime ?? 1_700_000_000, 136, 12);
  bytes.write(entry.type ?? "0", 156);
  bytes.write(entry.link ?? "", 157, 100);
  bytes.write("ustar\u000000", 257, "latin1");
  octal(entry.major ?? 0, 329, 8);
  octal(entry.minor ?? 0, 337, 8);
  bytes.fill(" ", 148, 156);
  octal(
    bytes.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return bytes;
}

const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);

function paxRecords(records: NonNullable<TarEntry["pax"]>): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
    let length = rest.length;
    while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
    return Buffer.concat([Buffer.from(`${length}`), rest]);
  });
  return Buffer.concat(lines);
}

/** A tar of these entries. */
export function tarOf(...entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const records = entry.pax === undefined ? undefined : paxRecords(entry.pax);
    const data = Buffer.from(entry.data ?? "");
    const front = records === undefined ? [] : [header({ name: "PaxHeaders/x", type: "x" }, records.length), padded(records)];
    return [...front, header(entry, data.length), padded(data)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export interface Layout {
  readonly layers: readonly Buffer[];
  readonly config?: object;
  readonly name?: string;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

export const sum = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");
const own = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };

/** An OCI layout with these images, as a directory. */
export function layoutOf(dir: string, ...images: readonly Layout[]): string {
  mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
  const blob = (data: Buffer | string, mediaType: string) => {
    writeFileSync(join(dir, "blobs/sha256", sum(data)), data);
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${sum(data)}`, size: data.length };
  };
  const isGzip = (layer: Buffer) => layer.readUInt16BE() === 0x1f8b;
  const layerBlob = (layer: Buffer) => blob(layer, isGzip(layer) ? "layer.v1.tar+gzip" : "layer.v1.tar");
  const manifests = images.map(({ layers, config = {}, name, platform }) => {
    const rootfs = { type: "layers", diff_ids: layers.map((layer) => `sha256:${sum(isGzip(layer) ? gunzipSync(layer) : layer)}`) };
    const text = JSON.stringify({ ...own, ...platform, config, rootfs });
    const manifest = JSON.stringify({ schemaVersion: 2, config: blob(text, "config.v1+json"), layers: layers.map(layerBlob) });
    const annotations = name === undefined ? {} : { "org.opencontainers.image.ref.name": name };
    return { ...blob(manifest, "manifest.v1+json"), annotations, ...(platform === undefined ? {} : { platform }) };
  });
  writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  return dir;
}
