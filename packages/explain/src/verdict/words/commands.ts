// The programs named in the text of `sh -c`, as far as its grammar is simple (sh(1p)).

/** What a shell does itself, and words of its grammar. */
const BUILTINS =
  " . : [ alias bg break case cd command continue do done echo elif else esac eval exit export false fg fi for function getopts hash if in jobs kill local printf pwd read readonly return select set shift source test then times trap true type ulimit umask unalias unset until wait while ";
/** Words before a command. */
const BEFORE = " if then else elif do while until ! exec command time ";
const MAX_COMMANDS = 8;

/** The first words of its commands; none if a word may be a function, or something from a sourced file. */
export function commandsIn(text: string): readonly string[] {
  const bare = text.replace(/\\./g, '""').replace(/'[^']*'|"[^"]*"/g, '""');
  if (/(^|[\s;&|])(\.|source|alias|function|eval)\s|\w\s*\(\)/.test(bare)) return [];
  const commands = bare.split(/[;&|(){}\n`]+/).flatMap((part) => commandOf(part.trim().split(/\s+/)));
  return [...new Set(commands)].slice(0, MAX_COMMANDS);
}

function commandOf(words: readonly string[]): string[] {
  const word = words.find((one) => !BEFORE.includes(` ${one} `) && !/^\w+=/.test(one));
  return word !== undefined && /^[\w./@+-]+$/.test(word) && !BUILTINS.includes(` ${word} `) && !/^\d+$/.test(word) ? [word] : [];
}
