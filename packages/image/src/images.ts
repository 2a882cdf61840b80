// The images in an archive or a directory, in docker's form (manifest.json) or an OCI layout (index.json).
import { ToolError } from "@contain-tools/kernel";
import type { Part } from "./bytes.ts";
import { fields, list, readJson, type Store, text, texts } from "./store.ts";
import { readDigest, sumOfName } from "./sums.ts";

export interface Image {
  /** The same for all platforms of an image. */
  readonly key: string;
  readonly names: readonly string[];
  /** `linux/arm64/v8`; empty if not said. */
  readonly platform: string;
  readonly config: unknown;
  /** The names of its layers in the store, the lowest first. */
  readonly layers: readonly string[];
}

/** @throws ToolError for a store without images, or with broken ones */
export function imagesOf(store: Store): readonly Image[] {
  const index = readJson(store, "index.json");
  if (index !== undefined) return ofIndex(store, index, undefined, []);
  const manifests = readJson(store, "manifest.json");
  if (Array.isArray(manifests)) return manifests.map((manifest) => ofDocker(store, fields(manifest)));
  if (manifests !== undefined) return [ofManifest(store, fields(manifests), "manifest.json", [], "", skopeoDir)];
  throw new ToolError(
    `${store.what}: neither an image nor the root of one`,
    "it has no index.json (OCI) and no manifest.json (docker save)",
  );
}

function ofDocker(store: Store, manifest: ReturnType<typeof fields>): Image {
  const config = readJson(store, text(manifest["Config"]));
  const layers = texts(manifest["Layers"]);
  return { key: text(manifest["Config"]), names: texts(manifest["RepoTags"]), platform: platformOf(config), config, layers };
}

const NAMES = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
const MOST = 5000; // an index may name itself again and again, at each of its levels

function ofIndex(store: Store, index: unknown, key: string | undefined, names: readonly string[], left = { count: MOST }): Image[] {
  return list(fields(index)["manifests"]).flatMap((one) => {
    if (left.count-- === 0) throw new ToolError(`${store.what}: more than ${MOST} images, or indexes without an end`);
    const descriptor = fields(one);
    const annotations = fields(descriptor["annotations"]);
    if (annotations["vnd.docker.reference.type"] !== undefined) return []; // an attestation
    const digest = text(descriptor["digest"]);
    const own = NAMES.map((name) => text(annotations[name])).filter((name) => name !== "");
    const all = [...new Set([...names, ...own])];
    const manifest = readJson(store, blobName(store, digest));
    if (manifest === undefined) return []; // `docker save` of one platform names the others too
    if (Array.isArray(fields(manifest)["manifests"])) return ofIndex(store, manifest, key ?? digest, all, left);
    const image = ofManifest(store, fields(manifest), digest, all, platformOf(descriptor["platform"]), blobName);
    return [{ ...image, key: key ?? digest }];
  });
}

function ofManifest(
  store: Store,
  manifest: ReturnType<typeof fields>,
  key: string,
  names: readonly string[],
  platform: string,
  place: (store: Store, digest: string) => string,
): Image {
  const name = (descriptor: unknown) => place(store, text(fields(descriptor)["digest"]));
  const config = readJson(store, name(manifest["config"]));
  if (config === undefined) throw new ToolError(`${store.what}: the image ${key} has no configuration`, "its file is missing");
  return { key, names, platform: platform || platformOf(config), config, layers: list(manifest["layers"]).map(name) };
}

function blobName({ what }: Pick<Store, "what">, digest: string): string {
  const { algorithm, hex } = readDigest(what, digest);
  return `blobs/${algorithm}/${hex}`;
}

/** `skopeo copy … dir:DIR` has its blobs beside manifest.json; later ones write `sha512-` before what is not sha256. */
function skopeoDir({ what, find, done }: Store, digest: string): string {
  const { algorithm, hex } = readDigest(what, digest);
  const part = find(hex);
  if (part !== undefined) done(part);
  return part === undefined && algorithm !== "sha256" ? `${algorithm}-${hex}` : hex;
}

function platformOf(value: unknown): string {
  const { os, architecture, variant } = fields(value);
  return [os, architecture, variant].map(text).filter(Boolean).join("/");
}

/** The parts of its layers, with the checksums in their names. @throws ToolError if one is missing */
export function layersOf({ what, find }: Store, { layers }: Image): readonly { readonly part: Part; readonly sum: string | undefined }[] {
  return layers.map((name) => {
    const part = find(name);
    if (part === undefined) throw new ToolError(`${what}: the layer ${name} is missing`, "the archive is not complete");
    return { part, sum: sumOfName(name) };
  });
}
