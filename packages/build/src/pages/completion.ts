// Completions for bash, zsh and fish, from the same tables.
import type { OptionSpec, OptionTable } from "@contain-tools/chain";
import type { Page } from "./man.ts";

/** What stands for the value of an option. */
function kindOf({ type, valueHint = "" }: OptionSpec): "none" | "file" | "words" | "any" {
  if (type === "boolean") return "none";
  if (/^(SRC:DST|DIR|FILE|PATH|HOST\[)/.test(valueHint)) return "file";
  return /^[a-z]+(\|[a-z]+)+$/.test(valueHint) ? "words" : "any";
}
const takesIds = ({ usage }: Page) => /^\[?(PID\|)?ID/.test(usage);
/** The place of a program among the words that are no options; undefined for a command that starts none. */
const programOf = ({ usage }: Page) => (!usage.includes("PROG") ? undefined : /^\[(PID|--)/.test(usage) ? 1 : 2);
/** A command's names: `list`, `ps`. */
const namesOf = ({ name, also = [] }: Page) => [name.split(" ").at(-1) ?? "", ...also];
const flags = (options: OptionTable) =>
  Object.entries(options).flatMap(([name, { alias }]) => [`--${name}`, ...(alias ? [`-${alias}`] : [])]);
const patterns = (options: OptionTable, kind: string) =>
  Object.entries(options)
    .filter(([, spec]) => kindOf(spec) === kind)
    .flatMap(([name, { alias }]) => [`--${name}`, ...(alias ? [`-${alias}`] : [])])
    .join("|");
const IDS = "contain ps -a --format '{{.Names}}' 2>/dev/null";

/** For bash: options, values that are files or one of few words, commands, and the names of containers. */
export function bashCompletion(commands: readonly Page[], tools: readonly Page[]): string {
  const values = ({ options }: Page) => [
    ...(patterns(options, "file") === ""
      ? []
      : [`      ${patterns(options, "file")}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;`]),
    ...Object.entries(options)
      .filter(([, spec]) => kindOf(spec) === "words")
      .map(
        ([name, { valueHint = "" }]) =>
          `      --${name}) COMPREPLY=($(compgen -W "${valueHint.replaceAll("|", " ")}" -- "$cur")); return ;;`,
      ),
    ...(patterns(options, "any") === "" ? [] : [`      ${patterns(options, "any")}) return ;;`]),
  ];
  const branch = (page: Page, name: string) => [
    `  ${name})`,
    ...(values(page).length === 0 ? [] : ['    case "$prev" in', ...values(page), "    esac"]),
    `    words="${flags(page.options).join(" ")}"`,
    ...(takesIds(page) ? [`    ids=1`] : []),
    ...(programOf(page) === 1 ? [`    program=${page.name.includes(" ") ? 2 : 1}`] : []),
    "    ;;",
  ];
  const names = commands.map(({ name }) => name.split(" ").at(-1) ?? "");
  return `# bash completion for contain and its tools; written from the option tables.
_contain() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" words="" ids="" program="" tool="\${COMP_WORDS[0]##*/}"
  COMPREPLY=()
  if [ "$tool" = contain ]; then
    if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W "${names.join(" ")} help version --help --version --root" -- "$cur")); return; fi
    tool="contain \${COMP_WORDS[1]}"
  fi
  case "$tool" in
${[
  ...tools.flatMap((page) => branch(page, page.name)),
  ...commands.flatMap((page) =>
    branch(
      page,
      namesOf(page)
        .map((name) => `"contain ${name}"`)
        .join("|"),
    ),
  ),
].join("\n")}
  *) return ;;
  esac
  case " \${COMP_WORDS[*]:0:COMP_CWORD} " in
  *" -- "*)
    compopt -o default
    if [ "$prev" = -- ]; then COMPREPLY=($(compgen -c -- "$cur")); fi
    return ;;
  esac
  case "$cur" in
  -*) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
  *) if [ -n "$ids" ]; then COMPREPLY=($(compgen -W "$(${IDS})" -- "$cur"));
    else
      compopt -o default
      if [ "$program" = "$COMP_CWORD" ]; then COMPREPLY=($(compgen -c -- "$cur")); fi
    fi ;;
  esac
}
complete -F _contain contain ${tools.map(({ name }) => name).join(" ")}
`;
}

/** For zsh, by _arguments. */
export function zshCompletion(commands: readonly Page[], tools: readonly Page[]): string {
  const quoted = (text: string) => text.replaceAll("'", "'\\''").replace(/[[\]:]/g, "\\$&");
  const value = (spec: OptionSpec) => {
    const kind = kindOf(spec);
    if (kind === "none") return "";
    const action = kind === "file" ? "_files" : kind === "words" ? `(${(spec.valueHint ?? "").replaceAll("|", " ")})` : " ";
    return `:${quoted(spec.valueHint ?? "VALUE")}:${action}`;
  };
  const one = (name: string, spec: OptionSpec) => {
    const star = spec.repeat ? "*" : "";
    const said = `[${quoted(spec.description)}]${value(spec)}`;
    return [`'${star}--${name}${said}'`, ...(spec.alias === undefined ? [] : [`'${star}-${spec.alias}${said}'`])];
  };
  const rest = (page: Page) => {
    const first = takesIds(page) ? "_contain_ids" : "_files";
    const program = programOf(page);
    if (program === undefined) return `'*: :${first}'`;
    return `${program === 2 ? `'1: :${first}' ` : ""}'(-)${program}: :_command_names -e' '*:: :_normal'`;
  };
  const body = (page: Page, name: string) => [
    `  ${name})`,
    `    _arguments -S ${programOf(page) === undefined ? "" : "-A '-*' "}${Object.entries(page.options)
      .flatMap(([option, spec]) => one(option, spec))
      .join(" \\\n      ")} \\\n      ${rest(page)} ;;`,
  ];
  return `#compdef contain ${tools.map(({ name }) => name).join(" ")}
# zsh completion for contain and its tools; written from the option tables.
_contain_ids() { compadd -- $(${IDS}) }
local tool=$service
if [ $service = contain ]; then
  if (( CURRENT == 2 )); then
    local -a commands=(${commands.map(({ name, description }) => `'${name.split(" ").at(-1)}:${quoted(description)}'`).join(" ")})
    _describe command commands
    return
  fi
  tool="contain \${words[2]}"
  shift words
  (( CURRENT-- ))
fi
case $tool in
${[
  ...tools.flatMap((page) => body(page, page.name)),
  ...commands.flatMap((page) =>
    body(
      page,
      namesOf(page)
        .map((name) => `'contain ${name}'`)
        .join("|"),
    ),
  ),
].join("\n")}
esac
`;
}

/** For fish, a line an option. */
export function fishCompletion(commands: readonly Page[], tools: readonly Page[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const option = (program: string, condition: string, name: string, spec: OptionSpec) => {
    const kind = kindOf(spec);
    const more = { none: "", file: " -rF", words: ` -xa ${quoted((spec.valueHint ?? "").replaceAll("|", " "))}`, any: " -x" }[kind];
    return `complete -c ${program}${condition} -l ${name}${spec.alias ? ` -s ${spec.alias}` : ""}${more} -d ${quoted(spec.description)}`;
  };
  const options = (page: Page, program: string, condition: string) =>
    Object.entries(page.options).map(([name, spec]) => option(program, condition, name, spec));
  // A program, behind the command's name and behind --.
  const program = (of: string, name: string) =>
    `complete -c ${of} -n 'contains -- (commandline -opc)[-1] -- ${name}' -a '(__fish_complete_command)'`;
  const lines = commands.flatMap((page) => {
    const word = page.name.split(" ").at(-1) ?? "";
    const inside = ` -n '__fish_seen_subcommand_from ${namesOf(page).join(" ")}'`;
    return [
      `complete -c contain -f -n __fish_use_subcommand -a ${word} -d ${quoted(page.description)}`,
      ...(takesIds(page) ? [`complete -c contain${inside} -xa "(${IDS})"`] : []),
      ...(programOf(page) === 1 ? [program("contain", word)] : []),
      ...options(page, "contain", inside),
    ];
  });
  const more = tools.flatMap((page) => [
    ...(programOf(page) === 1 ? [program(page.name, page.name)] : []),
    ...options(page, page.name, ""),
  ]);
  return `# fish completion for contain and its tools; written from the option tables.
complete -c contain -n __fish_use_subcommand -l root -rF
${[...lines, ...more].join("\n")}
`;
}
