// An image's program as a command line of contain run.
import { printable, shellQuote } from "@contain-tools/kernel";
import { fields, text, texts } from "./store.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; // contain run's own

/** `contain run --rootfs DIR --env … -- CMD`, from an image's configuration. */
export function runLine(dir: string, config: unknown): string {
  const said = fields(fields(config)["config"]);
  const program = [...texts(said["Entrypoint"]), ...texts(said["Cmd"])];
  const directory = text(said["WorkingDir"]);
  const options = [
    ...["--rootfs", dir],
    ...texts(said["Env"]).flatMap((variable) => (variable === PATH ? [] : ["--env", variable])),
    ...(["", "/"].includes(directory) ? [] : ["--workdir", directory]),
    ...(text(said["User"]) === "" ? [] : ["--user", text(said["User"])]),
    ...(text(said["StopSignal"]) === "" ? [] : ["--stop-signal", text(said["StopSignal"])]),
  ];
  return ["contain", "run", ...options, "--", ...(program.length === 0 ? ["/bin/sh"] : program)].map(quoted).join(" ");
}

/** A stranger made the image: its words may control the terminal. sh reads `$'\033'` back as the same byte (POSIX 2024). */
function quoted(word: string): string {
  const text = word.replaceAll(/[\n\t]/g, "");
  if (printable(text) === text) return shellQuote(word);
  const bytes = (char: string) => [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return `$'${[...word].map((char) => (/['\\]/.test(char) || printable(char) !== char ? bytes(char) : char)).join("")}'`;
}
