// --print-chain: what `create` does, as a script of the tools, to be run, read and straced.
import type { Composed } from "./chain.ts";
import { FIFO } from "./chain.ts";

/** @param folder the container's, which the script makes itself; @param bin where the tools are, if known */
export function scriptOf({ makeGroup, removeGroup, container, files }: Composed, folder: string, bin: string | undefined): string {
  const lines = [
    ...(bin === undefined ? [] : [`PATH=${quote(bin)}:"$PATH"`]),
    `mkdir -p ${quote(folder)} && mkfifo ${quote(`${folder}/${FIFO}`)} || exit`,
    ...files.map(({ name, text }) => `cat >${quote(`${folder}/${name}`)} <<'EOF' || exit\n${text}\nEOF`),
    ...(makeGroup.length === 0 ? [] : [`${lineOf(makeGroup)} || exit`]),
    "# this is `start`: without it the program waits",
    `: >${quote(`${folder}/${FIFO}`)} &`,
    lineOf(container),
    "status=$?",
    ...(removeGroup.length === 0 ? [] : [lineOf(removeGroup)]),
    `rm -r ${quote(folder)}`,
    "exit $status",
  ];
  return `#!/bin/sh\n${lines.join("\n")}\n`;
}

/** Options on lines of their own, so that a long chain can be read. */
export function lineOf(argv: readonly string[]): string {
  let text = "";
  for (const [at, word] of argv.entries()) {
    const breaks = at > 0 && (word.startsWith("--") || TOOLS.includes(word)) && argv[at - 1] !== "--";
    text += `${at === 0 ? "" : breaks ? " \\\n  " : " "}${quote(word)}`;
  }
  return text;
}

const TOOLS = ["nsexec", "pivot", "hold", "confine", "cgset"];

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
