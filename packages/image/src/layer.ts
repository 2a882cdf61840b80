// A layer of an image (OCI image-spec, layer.md): entries to add, and whiteouts, which remove what lower layers brought.
import { split } from "./names.ts";
import type { Entry } from "./tar.ts";
import type { Tree } from "./tree.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const OF_AUFS = /(^|\/)\.wh\.\.wh\./; // its own notes

export async function applyLayer(tree: Tree, entries: AsyncIterable<Entry>): Promise<void> {
  const own = new Set<string>(); // a whiteout concerns only lower layers, wherever it is among the entries
  for await (const entry of entries) {
    const { parent, name, path } = split(entry.name);
    const beside = (other: string) => (parent === "" ? other : `${parent}/${other}`);
    if (name === OPAQUE) for (const child of tree.names(parent)) tree.remove(beside(child), own);
    else if (OF_AUFS.test(path)) continue;
    else if (name.startsWith(WHITEOUT)) tree.remove(beside(name.slice(WHITEOUT.length)), own);
    else {
      await tree.put(entry);
      own.add(path);
    }
  }
}
