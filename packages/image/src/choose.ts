// Chooses one of several images, and one of its platforms.
import { UsageError } from "@contain-tools/kernel";
import type { Image } from "./images.ts";

export interface Wanted {
  /** A name, `alpine:3.20`; undefined if there is only one image. */
  readonly image: string | undefined;
  /** `linux/arm64`; undefined for this machine's. */
  readonly platform: string | undefined;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const own = `linux/${ARCHITECTURES[process.arch] ?? process.arch}`;

/** @throws UsageError that lists the choices */
export function choose(what: string, images: readonly Image[], { image, platform }: Wanted): Image {
  const named = images.filter(({ names, key }) => image === undefined || names.some((name) => isSame(name, image)) || key === image);
  const keys = new Set(named.map(({ key }) => key));
  if (named.length === 0 || keys.size > 1) throw unclear(what, images, image);
  const wanted = platform ?? own;
  const fitting = named.filter((one) => one.platform === "" || one.platform === wanted || one.platform.startsWith(`${wanted}/`));
  const [found] = fitting.toSorted((a, b) => b.platform.localeCompare(a.platform)); // the later one of two variants
  if (found !== undefined) return found;
  const there = [...new Set(named.map((one) => one.platform))].join(", ");
  const first = named[0]?.platform;
  throw new UsageError(
    `${what}: the image is for ${there}, not for ${wanted}`,
    platform === undefined ? `--platform ${first} unpacks it all the same; its programs do not run on this machine` : `--platform ${first}`,
  );
}

function unclear(what: string, images: readonly Image[], image: string | undefined): UsageError {
  const names = [...new Set(images.map(({ names: [name], key }) => name ?? key))];
  if (names.length === 0) return new UsageError(`${what}: there is no image in it`);
  if (image === undefined) return new UsageError(`${what}: ${names.length} images; --image NAME chooses one`, `it has ${names.join(", ")}`);
  return new UsageError(`${what}: no image ${image}`, `it has ${names.join(", ")}`);
}

/** `alpine` is docker.io/library/alpine:latest; podman prefixes localhost/ to local builds. An OCI layout may have only the tag. */
function isSame(name: string, wanted: string): boolean {
  if (name === wanted) return true;
  const full = (text: string) => {
    const short = text.replace(/^(docker\.io\/(library\/)?|localhost\/)/, "");
    return /:[^/]*$/.test(short) ? short : `${short}:latest`;
  };
  return full(name) === full(wanted) || (!/[:/]/.test(name) && full(wanted).endsWith(`:${name}`));
}
