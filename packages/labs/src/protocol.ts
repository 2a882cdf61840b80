// The evidence and the checks of a lab.
import { readlinkSync } from "node:fs";
import { type Evidence, evidenceFrom } from "@contain-tools/chain";
import { codeOf, readIfThere, statusField } from "@contain-tools/kernel";

export interface Check {
  readonly text: string;
  readonly ok: boolean;
}

export class Protocol {
  readonly evidence: Evidence[] = [];
  readonly checks: Check[] = [];

  /** Keeps a field as evidence: of /proc/PID/status (`Name: value`), or of a flat keyed file of a group (`key value`). */
  field(path: string, name: string, rule: string): string {
    const text = readIfThere(path);
    const value = text === undefined ? undefined : (statusField(text, name) ?? new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
    return this.note(`${path} ${name}`, value, rule);
  }

  /** Keeps a whole short file as evidence. */
  file(path: string, rule: string): string {
    const found = evidenceFrom(path, rule);
    this.evidence.push(found);
    return found.value ?? "";
  }

  link(path: string, rule: string): string {
    try {
      return this.note(path, readlinkSync(path), rule);
    } catch (error) {
      return this.note(path, undefined, rule, codeOf(error));
    }
  }

  /** Keeps a value from another source; returns it, or an empty text if it is undefined. */
  note(source: string, value: string | undefined, rule: string, problem = "it does not exist"): string {
    this.evidence.push(value === undefined ? { source, value, problem, rule } : { source, value: value.trim(), rule });
    return value?.trim() ?? "";
  }

  check(text: string, ok: boolean): void {
    this.checks.push({ text, ok });
  }
}
