// A program for planning.test.ts: plans each chain that standard input names, and nothing else. Before and after each it asks for a
// file that is not there, so that the calls between can be found in a trace, and compares what a process has.
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { planChain } from "../../packages/chain/src/chain.ts";
import { newContext } from "../../packages/chain/src/context.ts";
import { COMMANDS } from "../../packages/contain/src/cli.ts";
import { toolsWith } from "../../packages/contain/src/tools.ts";

const tools = toolsWith(COMMANDS);
const chains = JSON.parse(readFileSync(0, "utf8")) as string[][];
process.execArgv.push("--v8-pool-size=0", "--single-threaded", "--expose-gc"); // nothing forks here, so the runtime may have its threads

/** Descriptors, working directory, mask, environment, ids, limits, namespaces, mounts. */
function look(): string[] {
  const descriptors = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      return ""; // that of this very look
    }
  });
  const status = readFileSync("/proc/self/status", "utf8").replace(/^(?!Umask|[UG]id|Groups|Sig[BIC]|Cap|NoNew|Seccomp).*\n/gm, "");
  const namespaces = readdirSync("/proc/self/ns").map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
  const texts = ["limits", "mountinfo", "cgroup"].map((file) => readFileSync(`/proc/self/${file}`, "utf8"));
  return [process.cwd(), JSON.stringify(process.env), descriptors, status, namespaces, texts].flat().flatMap((text) => text.split("\n"));
}

const answers = chains.map(([name = "", ...words], i) => {
  const context = newContext(undefined, { ...process.env } as Record<string, string>);
  const own = JSON.stringify(context);
  const before = look();
  let error: string | undefined;
  existsSync(`/planning/${i}/begins`);
  try {
    planChain(context, tools, name, words);
  } catch (thrown) {
    error = String(thrown);
  }
  existsSync(`/planning/${i}/ends`);
  const changed = look().filter((line) => !before.includes(line));
  return { error, changed: JSON.stringify(context) === own ? changed : [...changed, "the context"] };
});
console.log(JSON.stringify(answers));
