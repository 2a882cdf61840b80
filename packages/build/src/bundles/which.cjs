// Chooses the bundle for a start: a smaller one takes less time to decode. `name` is the program's.
/** All programs, by their names. */
exports.TOOLS = ["nsexec", "cgset", "pivot", "pid1", "confine", "hold", "veth", "contain"];
/** The commands that must start fast. */
const QUICK = ["run", "exec", "stop", "kill"];

/** @type {(name: string, words: readonly string[]) => "version" | "tools" | "run" | "all"} */
exports.bundleFor = (name, words) => {
  if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) return "version";
  if (name === "contain") return QUICK.includes(words[words[0] === "--profile" ? 1 : 0]) ? "run" : "all";
  return words.includes("contain") ? "all" : "tools";
};
