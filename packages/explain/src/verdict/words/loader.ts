// The dynamic loader's message before it exits with 127: a library or a symbol is missing (ld.so(8)).
import type { Evidence, Finding } from "@contain-tools/chain";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";

const LIBRARY = [
  /^(.*?): error while loading shared libraries: ([^:]+): (.*)$/, // glibc
  /^Error loading shared library ([^:]+): (.*?) \(needed by (.*)\)$/, // musl
];
const VERSION = /^(.*?): (\S+): version [`'‘]([^'’]+)['’] not found \(required by (.*)\)$/;
const SYMBOL = [/^(.*?): symbol lookup error: (.*?): undefined symbol: ([^\s,]+)/, /^Error relocating (.*?): ([^:\s]+): symbol not found$/];

export function judgeLoader(_: Case, line: string, said: Evidence): Finding[] | undefined {
  const wrote = `it wrote ${JSON.stringify(line)}`;
  const [glibc, musl] = LIBRARY.map((pattern) => pattern.exec(line));
  const [program, library, why] = glibc ? glibc.slice(1) : musl ? [musl[3], musl[1], musl[2]] : [];
  if (library !== undefined)
    return [
      hint(
        "missing-library",
        `${wrote}: the dynamic loader did not find ${library} for ${program} inside (${why})`,
        [said],
        `copy ${library} into the root, as \`ldd\` lists it outside, or use a static program`,
      ),
    ];
  const version = VERSION.exec(line);
  if (version !== null)
    return [
      hint(
        "old-library",
        `${wrote}: ${version[2]} inside has no ${version[3]}, which ${version[4]} was linked with: it is older`,
        [said],
        "a root with a C library as new as the one that the program was built with",
      ),
    ];
  const symbol = SYMBOL.map((pattern) => pattern.exec(line)).find((found) => found !== null);
  if (symbol)
    return [
      hint(
        "missing-symbol",
        `${wrote}: the dynamic loader found the libraries, and a symbol in none of them`,
        [said],
        "libraries of the versions that the program was linked with",
      ),
    ];
  return undefined;
}
