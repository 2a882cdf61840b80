// Names in tars.
import { ToolError, textOf } from "@contain-tools/kernel";

/** A name as a path from the root, without a leading `/`: `./a//b/` is `a/b`. @throws ToolError for one with `..` */
export function split(name: string): { readonly parent: string; readonly name: string; readonly path: string } {
  const names = name.split("/").filter((part) => part !== "" && part !== ".");
  if (names.includes("..")) throw new ToolError(`${textOf(name)}: a name with .. in it, which would lead out of the directory`);
  return { parent: names.slice(0, -1).join("/"), name: names.at(-1) ?? "", path: names.join("/") };
}
