// What has been found, for people: grouped by headings, each statement with what it rests on; and for tools, as JSON.

import type { Evidence, Finding } from "@contain-tools/chain";
import { jsonText, shortened } from "@contain-tools/kernel";
import type { Section } from "./finding.ts";

const WIDE = 160;

/** @param brief without the lines of evidence */
export function showText(title: string, sections: readonly Section[], brief: boolean): string {
  const parts = sections.map(({ heading, findings }) => `\n${heading}\n${findings.map((finding) => showFinding(finding, brief)).join("")}`);
  return `${shortened(title, WIDE)}\n${parts.join("")}`;
}

function showFinding({ text, certain, evidence, fix }: Finding, brief: boolean): string {
  const lines = [
    `  ${certain ? "-" : "?"} ${text}`,
    ...(fix === undefined ? [] : [`    fix: ${fix}`]),
    ...(brief ? [] : groupByRule(evidence).map((line) => `      ${line}`)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** One line for the evidence that one rule turns into the statement. */
function groupByRule(evidence: readonly Evidence[]): string[] {
  const rules = [...new Set(evidence.map(({ rule }) => rule))];
  return rules.map((rule) => {
    const items = evidence
      .filter((item) => item.rule === rule)
      .map(({ source, value, problem }) => shortened(`${source} = ${value ?? problem ?? "?"}`, WIDE));
    const shown = items.length > 4 ? [...items.slice(0, 4), `and ${items.length - 4} more`] : items;
    return `${shown.join("; ")}  [${rule}]`;
  });
}

export function showJson(subject: Readonly<Record<string, unknown>>, sections: readonly Section[]): string {
  const findings = sections.flatMap(({ heading, findings: list }) => list.map((finding) => ({ section: heading, ...finding })));
  return `${jsonText({ ...subject, findings }, 2)}\n`;
}
