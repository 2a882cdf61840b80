// `contain rootfs DIR`: a root file system from programs of this host, or from a file.
import { readdirSync, statSync } from "node:fs";
import { type Options, withCommon } from "@contain-tools/chain";
import { access, lstatIfThere, R_OK, statIfThere, UsageError } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { unpackRootfs } from "../rootfs/fromfile.ts";
import { makeRootfs } from "../rootfs/fromhost.ts";

const rootfsOptions = withCommon({
  from: {
    type: "string",
    valueHint: "FILE|-",
    description: "unpack a tar of a root, an image that `docker save` or `podman save` wrote, or an OCI layout; - is standard input",
  },
  image: { type: "string", valueHint: "NAME", description: "which image of several in FILE" },
  platform: { type: "string", valueHint: "OS/ARCH", description: "which platform of an image for several (this machine's)" },
});

export const rootfs = subcommand({
  name: "rootfs",
  description: "Make a root file system: from programs of this host, a tar or an image",
  usage: "DIR",
  options: rootfsOptions,
  examples: ["contain rootfs ./alpine --from alpine.tar", "docker export web | contain rootfs ./web --from -"],
  plan(given: Options<keyof typeof rootfsOptions>, { context }) {
    const dir = readDirectory(given.rest);
    const [from, image, platform] = [given.value("from"), given.value("image"), given.value("platform")];
    if (from === undefined) {
      if ((image ?? platform) !== undefined) throw new UsageError("--image and --platform choose from an image", "--from FILE names it");
      return () => makeRootfs(context, dir);
    }
    if (from !== "-" && statIfThere(from) === undefined)
      throw new UsageError(
        `--from ${from}: no such file`,
        "nothing is downloaded here: `docker save IMAGE >FILE` or `skopeo copy` makes one",
      );
    if (from !== "-") access(from, R_OK);
    if (platform !== undefined && !/^[a-z0-9]+(\/[a-z0-9.]+){1,2}$/.test(platform))
      throw new UsageError(`--platform ${platform}: must be OS/ARCH or OS/ARCH/VARIANT`, "linux/amd64, linux/arm64/v8");
    return () => unpackRootfs(context, { dir, from, image, platform });
  },
});

/** @throws UsageError if DIR is missing, or exists and is not empty */
function readDirectory(words: readonly string[]): string {
  const [dir, ...more] = words;
  if (dir === undefined) throw new UsageError("missing directory", "contain rootfs DIR");
  if (more.length > 0) throw new UsageError(`unexpected argument: ${more[0]}`, "contain rootfs DIR");
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (stat === undefined && lstatIfThere(dir) !== undefined) throw new UsageError(`${dir}: a symbolic link that leads nowhere`);
  if (stat !== undefined && !stat.isDirectory()) throw new UsageError(`${dir}: not a directory`);
  if (stat !== undefined && readdirSync(dir).length > 0) throw new UsageError(`${dir}: not empty`, "name an empty or new directory");
  return dir;
}
