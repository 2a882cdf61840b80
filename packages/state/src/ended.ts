// How a container ended, as its state keeps it.
import type { Finding } from "@contain-tools/chain";

export interface Ended {
  /** As a shell reports it in $?. */
  readonly status: number;
  readonly reason: string;
  /** The verdict. */
  readonly verdict: readonly Finding[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const areTexts = (fields: Fields, ...keys: readonly string[]) => keys.every((key) => typeof fields[key] === "string");
const mayBeText = (value: unknown) => value === undefined || typeof value === "string";

/** Whether a value of JSON is one. */
export function isEnded(value: unknown): value is Ended {
  if (!isFields(value)) return false;
  const { status, verdict, at } = value;
  return (
    [status, at].every((number) => typeof number === "number" && Number.isFinite(number)) &&
    areTexts(value, "reason") &&
    Array.isArray(verdict) &&
    verdict.every(isFinding)
  );
}

function isFinding(value: unknown): boolean {
  if (!isFields(value) || !areTexts(value, "code", "text") || typeof value["certain"] !== "boolean" || !mayBeText(value["fix"]))
    return false;
  const { evidence } = value;
  return (
    Array.isArray(evidence) &&
    evidence.every((fact) => isFields(fact) && areTexts(fact, "source", "rule") && mayBeText(fact["value"]) && mayBeText(fact["problem"]))
  );
}
