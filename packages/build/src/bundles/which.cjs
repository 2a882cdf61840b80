// Chooses the bundle for a start: a smaller one takes less time to decode. `name` is the program's.
/** All programs, by their names. */
exports.TOOLS = ["nsexec", "cgset", "pivot", "pid1", "confine", "hold", "veth", "contain", "contain-oci"];
/** The commands that must start fast. */
const QUICK = ["run", "create", "exec", "stop", "kill"];

/** Those of `contain-oci` that need no system call of ours, and its options that take a value. */
const LIFE = ["start", "state", "kill", "delete", "--version", "-v"];
const VALUES = ["--root", "--log", "--log-format", "--cgroup-manager", "--rootless"];

/** With these options `contain run` reads or writes the config.json of an OCI bundle; so do commands that start a container again. */
const CONFIG = /^--(bundle|print-config)(=|$)/;
const MAKERS = ["run", "create"];
const STARTERS = ["start", "restart"];

/** Options of `contain` that may stand before its command, and take a value. */
const BEFORE = ["--root", "--chain", "--preserve-fds"];

/** @type {(words: readonly string[]) => string} */
function commandIn(words) {
  let at = 0;
  while (at < words.length && words[at].startsWith("-")) at += BEFORE.includes(words[at]) ? 2 : 1;
  return words[at] ?? "";
}

/** @type {(name: string, words: readonly string[]) => "version" | "tools" | "run" | "all" | "oci" | "life" | "config"} */
exports.bundleFor = (name, words) => {
  if (name === "contain-oci") {
    let at = 0;
    while (at < words.length && words[at].startsWith("-") && !LIFE.includes(words[at])) at += VALUES.includes(words[at]) ? 2 : 1;
    return LIFE.includes(words[at]) ? "life" : "oci";
  }
  if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) return "version";
  const own = name === "contain" ? words : words.slice(words.indexOf("contain") + 1 || words.length);
  const command = commandIn(own);
  if (STARTERS.includes(command) || (MAKERS.includes(command) && own.some((word) => CONFIG.test(word)))) return "config";
  if (name === "contain") return QUICK.includes(words[words[0] === "--profile" ? 1 : 0]) ? "run" : "all";
  return words.includes("contain") ? "all" : "tools";
};
