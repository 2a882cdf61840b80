// `contain explain`: statements about a process, a mount or an error, each with the file, the value and the rule behind it.

import { type Options, withCommon } from "@contain-tools/chain";
import {
  explainEnded,
  explainErrno,
  explainMount,
  explainProcess,
  findTarget,
  print,
  readErrno,
  showJson,
  showText,
} from "@contain-tools/explain";
import { exit, requireOwnProc, ToolError, UsageError } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";

export const explainOptions = withCommon({
  json: { type: "boolean", description: "one object, with every statement and its evidence" },
  brief: { type: "boolean", alias: "b", description: "statements without the lines of evidence" },
});

export const explain = subcommand({
  name: "explain",
  description: "Tell why: of any process, of a busy mount, of an errno",
  usage: "PID|ID | mount PATH | errno ECODE [SYSCALL]",
  options: explainOptions,
  optionsBehind: 3,
  plan(given: Options<"json" | "brief">) {
    const [word, ...words] = given.rest;
    const json = given.has("json");
    if (json && given.has("brief")) throw new UsageError("--json and --brief exclude each other");
    if (word === undefined)
      throw new UsageError("missing PID, ID, mount or errno", "a PID, the id of a container, `mount PATH`, or `errno ECODE [SYSCALL]`");
    const show = (title: string, subject: Readonly<Record<string, unknown>>, sections: Parameters<typeof showText>[1]) => {
      print(json ? showJson(subject, sections) : showText(title, sections, given.has("brief")));
      return exit(0);
    };
    if (word === "errno") {
      const plan = readErrno(words);
      const title = plan.syscall === undefined ? plan.code : `${plan.code} of ${plan.syscall}`;
      return () => show(title, { errno: plan.code, syscall: plan.syscall }, explainErrno(plan));
    }
    if (word === "mount") {
      const path = onlyOne(words, "missing mount", "contain explain mount PATH");
      return () => {
        requireOwnProc();
        const explained = explainMount(path);
        return show(`mount ${explained.path}`, { mount: explained.path }, explained.sections);
      };
    }
    if (words[0] !== undefined) throw new UsageError(`unexpected argument: ${words[0]}`, "contain explain PID|ID");
    return () => {
      requireOwnProc();
      try {
        const { title, process, sections } = explainProcess(findTarget(word));
        return show(title, { process }, sections);
      } catch (error) {
        const ended = error instanceof UsageError || error instanceof ToolError ? explainEnded(word) : undefined;
        if (ended === undefined) throw error;
        return show(ended.title, { container: ended.container }, ended.sections);
      }
    };
  },
});

function onlyOne([word, ...more]: readonly string[], ask: string, form: string): string {
  if (word === undefined) throw new UsageError(ask, form);
  if (more[0] !== undefined) throw new UsageError(`unexpected argument: ${more[0]}`, form);
  return word;
}
