// Writes manual pages and completions below a folder that is laid out as /usr/share.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OptionTable } from "@contain-tools/chain";
import { COMMANDS } from "../../../contain/src/cli.ts";
import { toolsWith } from "../../../contain/src/tools.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "./completion.ts";
import { manPage, type Page } from "./man.ts";

/** Every program, and every command of contain. */
export function allPages(): { readonly tools: readonly Page[]; readonly contain: Page; readonly commands: readonly Page[] } {
  const programs = toolsWith(COMMANDS);
  const names = programs.map(({ name }) => name);
  const pages = programs.map(
    (tool): Page => ({ ...tool, options: tool.options as OptionTable, seeAlso: names.filter((name) => name !== tool.name) }),
  );
  const commands = COMMANDS.map((command): Page => ({ ...command, name: `contain ${command.name}`, seeAlso: ["contain"] }));
  const contain = pages.find(({ name }) => name === "contain");
  if (contain === undefined) throw new Error("contain is not among the tools");
  return {
    tools: pages.filter((page) => page !== contain),
    contain: { ...contain, subCommands: Object.fromEntries(COMMANDS.map(({ name, description }) => [name, description])) },
    commands,
  };
}

export function writePages(share: string, version: string): void {
  const { tools, contain, commands } = allPages();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(share, path)), { recursive: true });
    writeFileSync(join(share, path), text);
  };
  for (const page of [...tools, contain, ...commands]) write(`man/man1/${page.name.replace(" ", "-")}.1`, manPage(page, version));
  write("bash-completion/completions/contain", bashCompletion(commands, tools));
  for (const { name } of tools) write(`bash-completion/completions/${name}`, `. "\${BASH_SOURCE[0]%/*}/contain"\n`);
  write("zsh/site-functions/_contain", zshCompletion(commands, tools));
  write("fish/vendor_completions.d/contain.fish", fishCompletion(commands, tools));
}
