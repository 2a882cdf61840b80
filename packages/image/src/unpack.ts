// Unpacks a root, or an image, into an empty directory.
import { type Context, sayStep, warn } from "@contain-tools/chain";
import { close, O_DIRECTORY, O_RDONLY, open, statIfThere, UsageError } from "@contain-tools/kernel";
import { readArchive } from "./archive.ts";
import { bytesOfPart, decompressed } from "./bytes.ts";
import { choose, type Wanted } from "./choose.ts";
import { type Image, imagesOf, layersOf } from "./images.ts";
import { applyLayer } from "./layer.ts";
import { runLine } from "./runline.ts";
import { directoryStore, fields, type Store, texts } from "./store.ts";
import { checked, readDigest } from "./sums.ts";
import { entriesOf } from "./tar.ts";
import { Tree } from "./tree.ts";

/**
 * Unpacks `from` (a tar of a root, an image from `docker save` or an OCI layout, or `-`) into `dir`, which is empty.
 *
 * @returns a command line that runs an image's program; undefined for a root, which names none
 * @throws ToolError, SyscallError; the caller then removes what is in `dir`
 */
export async function unpack(context: Context, dir: string, from: string, wanted: Wanted): Promise<string | undefined> {
  const what = from === "-" ? "standard input" : from;
  const root = open(dir, O_RDONLY | O_DIRECTORY);
  const tree = new Tree(root);
  process.umask(0); // every mode is said
  const unpackRoot: Parameters<typeof readArchive>[3] = async (entries) => {
    if ((wanted.image ?? wanted.platform) !== undefined)
      throw new UsageError(`${what}: the root of a file system, with no images to choose from`, "leave --image and --platform out");
    sayStep(context, `the root of a file system, from ${what}`);
    for await (const entry of entries) await tree.put(entry);
  };
  const isDirectory = from !== "-" && statIfThere(from)?.isDirectory() === true;
  const store = isDirectory ? directoryStore(from) : await readArchive(from, what, dir, unpackRoot);
  const image = store && choose(what, imagesOf(store), wanted);
  if (store !== undefined && image !== undefined) await unpackLayers(context, tree, store, image);
  tree.finish();
  close(root);
  sayLost(tree);
  return image && runLine(dir, image.config);
}

async function unpackLayers(context: Context, tree: Tree, store: Store, image: Image): Promise<void> {
  const layers = layersOf(store, image);
  const name = image.names[0] ?? "an image without a name";
  sayStep(context, `${name}${image.platform && `, ${image.platform}`}, ${layers.length} layer${layers.length === 1 ? "" : "s"}`);
  const sums = texts(fields(fields(image.config)["rootfs"])["diff_ids"]);
  for (const [i, { part, sum }] of layers.entries()) {
    const what = `${store.what}: layer ${i + 1}`;
    const own = sums[i]; // of the tar, which is all that counts
    if (own !== undefined) readDigest(what, own);
    const bytes = decompressed(checked(bytesOfPart(part), own === undefined ? sum : undefined, what), what, undefined);
    await applyLayer(tree, entriesOf(checked(bytes, own, what), what));
    store.done(part);
  }
}

const SOME: Readonly<Record<keyof Tree["lost"], string>> = {
  owners: "files of other users belong to you now, without set-user-ID; root keeps their owners",
  devices: "device nodes were left out, which only root can make; contain run makes its own /dev",
  attributes: "attributes (security.capability, user.…) could not be set",
};

function sayLost({ lost }: Tree): void {
  for (const key of ["owners", "devices", "attributes"] as const) if (lost[key] > 0) warn(`${lost[key]} ${SOME[key]}`);
}
