// Shows findings: for people under headings, each statement with its evidence; for tools as JSON.

import type { Evidence, Finding } from "@contain-tools/chain";
import { jsonText, shortened } from "@contain-tools/kernel";
import type { Paint } from "../paint.ts";
import type { Section } from "./finding.ts";

const WIDE = 160;

/** @param evidence also print the lines of evidence */
export function showText(title: string, sections: readonly Section[], evidence: boolean, paint: Paint): string {
  const parts = sections.map(
    ({ heading, findings }) => `\n${paint("bold", heading)}\n${findings.map((finding) => showFinding(finding, evidence, paint)).join("")}`,
  );
  return `${paint("bold", shortened(title, WIDE))}\n${parts.join("")}`;
}

function showFinding({ code, text, certain, evidence, fix }: Finding, proof: boolean, paint: Paint): string {
  const style = certain ? (fix !== undefined || code === WRONG ? "red" : undefined) : "yellow";
  const lines = [
    `  ${paint(style, certain ? "-" : "?")} ${paint(code === WRONG ? "red" : undefined, text)}`,
    ...(fix === undefined ? [] : [`    ${paint("green", "fix:")} ${fix}`]),
    ...(proof ? groupByRule(evidence).map((line) => `      ${paint("dim", line)}`) : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** One line for all evidence that the same rule turns into the statement. */
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

const MOST = 3;
const LINE = 110;
const WRONG = "in-short-wrong";

/** At most four lines before all others: what is wrong, which is what has a fix. */
export function inShort(sections: readonly Section[]): Section {
  const all = sections.flatMap(({ heading, findings }) => findings.map((finding) => ({ ...finding, heading })));
  const wrong = all.filter(({ certain, fix }) => certain && fix !== undefined);
  const open = all.filter(({ certain }) => !certain).length;
  const line = (text: string, code = "in-short"): Finding => ({ code, text, certain: true, evidence: [] });
  const unknown = open === 0 ? "" : `; ${open} cannot be told (\`?\` below)`;
  if (wrong.length === 0) return { heading: "In short", findings: [line(`nothing is wrong with it${unknown}`)] };
  const kinds = wrong.filter(({ code }, at) => wrong.findIndex((other) => other.code === code) === at);
  const shown = kinds.slice(0, MOST).map(({ heading, text }) => line(shortened(`${heading}: ${text}`, LINE), WRONG));
  const more = wrong.length > shown.length ? `${wrong.length - shown.length} more below, ` : "";
  return { heading: "In short", findings: [...shown, line(`${more}each with its fix below${unknown}`)] };
}

export function showJson(subject: Readonly<Record<string, unknown>>, sections: readonly Section[]): string {
  const findings = sections.flatMap(({ heading, findings: list }) => list.map((finding) => ({ section: heading, ...finding })));
  return `${jsonText({ ...subject, findings }, 2)}\n`;
}
