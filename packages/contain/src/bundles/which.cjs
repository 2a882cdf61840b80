// Which bundle a start needs: the smaller it is, the less is decoded. `name` is argv[0] or its last part.
/** @type {(name: string, words: readonly string[]) => "tools" | "chain" | "all"} */
exports.bundleFor = (name, words) => {
  if (name === "contain" || name.endsWith("/contain")) return words[words[0] === "--profile" ? 1 : 0] === "run" ? "chain" : "all";
  return words.includes("contain") ? "all" : "tools";
};
