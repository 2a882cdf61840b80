// Names and labels of containers.
import { quote, UsageError } from "@contain-tools/kernel";
import { checkNameIsFree } from "@contain-tools/state";

/** @throws UsageError if it is not a name or is in use now; it is assigned when the state is made */
export function checkName(option: string, name: string): string {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name))
    throw new UsageError(`${option} ${quote(name)}: letters, digits, _ . - and at most 64 of them`);
  checkNameIsFree(name);
  return name;
}

/** `KEY=VALUE` or `KEY`; __proto__ is a key like any other. */
export function readLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null);
  for (const text of texts) {
    const at = text.indexOf("=");
    labels[at === -1 ? text : text.slice(0, at)] = at === -1 ? "" : text.slice(at + 1);
  }
  return labels;
}
