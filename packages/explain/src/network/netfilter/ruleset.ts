// The nf_tables rules of a network namespace, as nft(8) lists them: once as JSON to walk, once as text to show.
import { capture } from "@contain-tools/chain";
import { joinNetwork } from "@contain-tools/kernel";
import { nft } from "./nft.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Rule {
  readonly handle: number;
  readonly expr: readonly Json[];
  /** As nft shows it, with its counter. */
  readonly text: string;
}

export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** undefined for a chain that is only jumped to. */
  readonly hook: string | undefined;
  readonly type: string | undefined;
  readonly priority: number;
  readonly policy: string | undefined;
  readonly rules: readonly Rule[];
}

export interface Ruleset {
  readonly chains: readonly Chain[];
  /** Elements of named sets and maps, by `family table name`. */
  readonly sets: ReadonlyMap<string, readonly Json[]>;
}

/** @returns a text that says why they cannot be read, as nft does @param pid a process in the namespace; undefined for our own */
export function readRuleset(pid?: number): Ruleset | string {
  const path = nft();
  if (path === undefined) return "nft(8) is not installed";
  const join = () => {
    if (pid !== undefined) joinNetwork(pid);
  };
  const listing = capture([path, "-j", "list", "ruleset"], join);
  if (listing.status !== 0) return listing.stderr.trim().split("\n")[0] || `nft: exit status ${listing.status}`;
  const { nftables } = JSON.parse(listing.stdout) as { readonly nftables: readonly Json[] };
  const texts = nftables.length > 1 ? textsOf(capture([path, "-a", "list", "ruleset"], join).stdout) : new Map<string, string>();
  const all = (kind: string) => nftables.map((item) => field(item, kind)).filter((item) => item !== undefined);
  const rules = all("rule");
  return {
    chains: all("chain").map((item) => {
      const place = `${text(item, "family")} ${text(item, "table")}`;
      const name = text(item, "name");
      return {
        family: text(item, "family"),
        table: text(item, "table"),
        name,
        hook: optional(item, "hook"),
        type: optional(item, "type"),
        priority: Number(field(item, "prio") ?? 0),
        policy: optional(item, "policy"),
        rules: rules
          .filter((rule) => `${text(rule, "family")} ${text(rule, "table")}` === place && text(rule, "chain") === name)
          .map((rule) => {
            const handle = Number(field(rule, "handle"));
            const expr = field(rule, "expr");
            return { handle, expr: isList(expr) ? expr : [], text: texts.get(`${place} ${name} ${handle}`) ?? JSON.stringify(expr) };
          }),
      };
    }),
    sets: new Map(
      [...all("set"), ...all("map")].map((item) => {
        const elements = field(item, "elem");
        return [`${text(item, "family")} ${text(item, "table")} ${text(item, "name")}`, isList(elements) ? elements : []];
      }),
    ),
  };
}

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** A field of an object; undefined if it is not an object. */
export function field(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== "object" || value === null || isList(value)) return undefined;
  return (value as { readonly [key: string]: Json })[name];
}

const text = (value: Json, name: string) => String(field(value, name) ?? "");

function optional(value: Json, name: string): string | undefined {
  const found = field(value, name);
  return found === undefined ? undefined : String(found);
}

/** `table inet filter {`, `chain input {`, and rules that end in `# handle 7`. */
function textsOf(listing: string): Map<string, string> {
  const found = new Map<string, string>();
  let table = "";
  let chain = "";
  for (const line of listing.split("\n")) {
    const [, family, name] = /^table (\S+) (\S+) \{/.exec(line) ?? [];
    if (family !== undefined) table = `${family} ${name}`;
    chain = /^\tchain (\S+) \{/.exec(line)?.[1] ?? chain;
    const [, rule = "", handle] = /^\t\t(.*) # handle (\d+)$/.exec(line) ?? [];
    if (handle !== undefined) found.set(`${table} ${chain} ${handle}`, rule);
  }
  return found;
}
