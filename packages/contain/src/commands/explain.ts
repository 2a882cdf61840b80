// `contain explain`: statements about a process, a mount or an error, each with the file, the value and the rule behind it.

import { type Options, withCommon } from "@contain-tools/chain";
import {
  COLOR,
  explainEnded,
  explainErrno,
  explainMount,
  explainProcess,
  findTarget,
  inShort,
  painterOf,
  print,
  readErrno,
  SECTIONS,
  showJson,
  showText,
} from "@contain-tools/explain";
import { exit, requireOwnProc, ToolError, UsageError } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";

const explainOptions = withCommon({
  json: { type: "boolean", description: "one object, with every statement and its evidence" },
  color: COLOR,
});

export const explain = subcommand({
  name: "explain",
  description: "Tell why: of any process, of a busy mount, of an errno",
  usage: "PID|ID [SECTION…] | mount PATH | errno ECODE [SYSCALL]",
  options: explainOptions,
  instead: { brief: "it is brief: -v shows the evidence", b: "it is brief: -v shows the evidence" },
  plan(given: Options<"json" | "color">, { context }) {
    const [word, ...words] = given.rest;
    const json = given.has("json");
    const paint = painterOf(given);
    if (word === undefined)
      throw new UsageError("missing PID, ID, mount or errno", "a PID, the id of a container, `mount PATH`, or `errno ECODE [SYSCALL]`");
    const show = (title: string, subject: Readonly<Record<string, unknown>>, sections: Parameters<typeof showText>[1]) => {
      print(json ? showJson(subject, sections) : showText(title, sections, context.verbose, paint));
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
    const wanted = readSections(words);
    return () => {
      requireOwnProc();
      try {
        const { title, process, sections } = explainProcess(findTarget(word));
        const chosen = sections.filter(({ heading }) => wanted.length === 0 || wanted.includes(heading));
        return show(title, { process }, json || wanted.length > 0 ? chosen : [inShort(chosen), ...chosen]);
      } catch (error) {
        const ended = error instanceof UsageError || error instanceof ToolError ? explainEnded(word) : undefined;
        if (ended === undefined) throw error;
        return show(ended.title, { container: ended.container }, ended.sections);
      }
    };
  },
});

/** The headings of the sections that are named. @throws UsageError */
function readSections(words: readonly string[]): readonly string[] {
  return words.map((word) => {
    if (Object.hasOwn(SECTIONS, word)) return SECTIONS[word] ?? "";
    throw new UsageError(`unknown section: ${word}`, `the sections of a process are ${Object.keys(SECTIONS).join(", ")}`);
  });
}

function onlyOne([word, ...more]: readonly string[], ask: string, form: string): string {
  if (word === undefined) throw new UsageError(ask, form);
  if (more[0] !== undefined) throw new UsageError(`unexpected argument: ${more[0]}`, form);
  return word;
}
