// A container without --rootfs runs a program of the host; if the word looks like an image's name, the error says so.
import type { Options } from "@contain-tools/chain";
import { exists, resolve, ToolError } from "@contain-tools/kernel";
import type { Variable } from "@contain-tools/pivot";
import type { RunOption } from "./options.ts";

const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/**
 * @param variables of the program
 * @throws ToolError, status 126, for a directory, which may be meant as the root; 127 for a word that no program of the host has as its name
 */
export function checkHostsProgram(given: Options<RunOption>, variables: readonly Variable[]): void {
  const [program = "", ...args] = given.rest;
  const mounts = ["rootfs", "overlay-lower", "volume", "mount", "tmpfs"] as const; // may bring it along
  if (mounts.some((name) => given.has(name))) return;
  if (program.includes("/") && exists(`${program}/.`)) throw isNoProgram(program, args);
  if (program.startsWith("/") || program.startsWith(".")) return;
  const directory = resolve("/", given.value("workdir") ?? "");
  const path = variables.findLast(({ name }) => name === "PATH")?.value ?? "";
  const places = program.includes("/") ? [directory] : path.split(":");
  if (places.some((place) => exists(`${place || directory}/${program}`))) return;
  throw new ToolError(
    `${program}: no such program on the host, and there are no images here`,
    "--rootfs DIR; `contain rootfs DIR` makes one from programs of this host, and --from FILE from a saved image",
    NOT_FOUND,
  );
}

const isNoProgram = (directory: string, [program = "PROG"]: readonly string[]) =>
  new ToolError(
    `${directory}: it is a directory, no program`,
    `a root is given by --rootfs: contain run --rootfs ${directory} -- ${program}`,
    CANNOT_RUN,
  );
