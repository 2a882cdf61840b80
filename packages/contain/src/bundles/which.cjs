// Which bundle a start needs: the smaller it is, the less is decoded. `name` is argv[0] or its last part.
/** All programs, by their names. */
exports.TOOLS = ["nsexec", "cgset", "pivot", "pid1", "confine", "veth", "contain"];
const BY_COMMAND = { __proto__: null, run: "chain", exec: "exec", stop: "exec", kill: "exec", explain: "explain" };

/** @type {(name: string, words: readonly string[]) => "nsexec" | "tools" | "chain" | "exec" | "explain" | "all"} */
exports.bundleFor = (name, words) => {
  const is = (tool) => name === tool || name.endsWith(`/${tool}`);
  if (is("contain")) return BY_COMMAND[words[words[0] === "--profile" ? 1 : 0]] ?? "all";
  if (words.includes("contain")) return "all";
  return is("nsexec") && !exports.TOOLS.some((tool) => words.includes(tool)) ? "nsexec" : "tools";
};
