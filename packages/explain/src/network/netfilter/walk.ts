// What the rules of one hook do with a packet, chain by chain in the order of their priorities (nft(8), VERDICT STATEMENT).
import { type Answer, both, contains, isTransport, matches, type Packet, read } from "./match.ts";
import { type Chain, field, isList, type Json, type Rule, type Ruleset } from "./ruleset.ts";

/** A place where a packet ends. */
export interface Stop {
  readonly chain: Chain;
  /** undefined for the chain's policy. */
  readonly rule: Rule | undefined;
  readonly kind: "drop" | "reject";
  /** The packet gets there, and the rule holds for it. */
  readonly sure: boolean;
}

interface Walked {
  readonly stops: readonly Stop[];
  /** One of its addresses may be changed: dnat, redirect, tproxy. */
  readonly rewritten: boolean;
  /** masquerade or snat holds for it. */
  readonly masqueraded: Answer;
}

type End = "accept" | "stop" | "return";

interface Walk {
  readonly ruleset: Ruleset;
  readonly packet: Packet;
  readonly stops: Stop[];
  /** False once a rule that may or may not hold could have let the packet leave the chain. */
  sure: boolean;
  rewritten: boolean;
  masqueraded: Answer;
}

const DEEPEST = 16; // NFT_JUMP_STACK_SIZE

/** Walks the chains of the families ip and inet. */
export function walk(ruleset: Ruleset, hook: string, packet: Packet): Walked {
  const state: Walk = { ruleset, packet, stops: [], sure: true, rewritten: false, masqueraded: false };
  const chains = ruleset.chains.filter(
    // Only the first packet of a connection passes the chains of type nat.
    ({ hook: at, family, type }) => at === hook && (family === "ip" || family === "inet") && (packet.state === "new" || type !== "nat"),
  );
  for (const chain of chains.sort((a, b) => a.priority - b.priority)) {
    state.sure = true;
    const end = walkChain(state, chain, 0);
    if (end === "return" && chain.policy === "drop") state.stops.push({ chain, rule: undefined, kind: "drop", sure: state.sure });
    if (state.stops.at(-1)?.sure) break;
  }
  return state;
}

function walkChain(state: Walk, chain: Chain, depth: number): End {
  for (const rule of chain.rules) {
    const end = walkRule(state, chain, rule, depth);
    if (end !== undefined) return end === "left" ? "return" : end;
  }
  return "return";
}

/** undefined to go on with the next rule, "left" to go back to the calling chain. */
function walkRule(state: Walk, chain: Chain, rule: Rule, depth: number): End | "left" | undefined {
  let holds: Answer = true;
  const setOf = (name: string) => state.ruleset.sets.get(`${chain.family} ${chain.table} ${name}`);
  for (const statement of rule.expr) {
    const [name = ""] = typeof statement === "object" && statement !== null ? Object.keys(statement) : [];
    const value = field(statement, name) ?? null;
    if (name === "match") holds = both(holds, matches(value, state.packet, setOf));
    else if (name === "vmap") {
      for (const [verdict, answer] of verdicts(value, state.packet, setOf)) {
        const end = act(state, chain, rule, verdict, both(holds, answer), depth);
        if (end !== undefined) return end;
      }
    } else if (!NEUTRAL.has(name)) {
      if (DEPENDS.has(name)) holds = both(holds, undefined);
      else {
        const end = act(state, chain, rule, statement, holds, depth);
        if (end !== undefined) return end;
      }
    }
    if (holds === false) return undefined;
  }
  return undefined;
}

const NEUTRAL = new Set([
  "counter",
  "log",
  "mangle",
  "notrack",
  "comment",
  "meter",
  "set",
  "ct helper",
  "ct timeout",
  "flow",
  "dup",
  "continue",
]);
const DEPENDS = new Set(["limit", "quota", "ct count", "last"]);

/** The verdicts of a map that may apply, and whether each is certain. */
function verdicts(map: Json, packet: Packet, setOf: (name: string) => readonly Json[] | undefined): [Json, Answer][] {
  const data = field(map, "data");
  const list = typeof data === "string" && data.startsWith("@") ? setOf(data.slice(1)) : field(data ?? null, "set");
  const key = read(field(map, "key"), packet);
  if (!isList(list)) return [[UNKNOWN, undefined]];
  return list.flatMap((pair): [Json, Answer][] => {
    const [from = null, verdict = null] = isList(pair) ? pair : [];
    if (typeof key === "symbol") return [];
    const answer = key === undefined ? undefined : contains(from, key, setOf);
    return [[verdict, answer && packet.protocol === undefined && isTransport(field(map, "key")) ? undefined : answer]];
  });
}

const UNKNOWN: Json = { unknown: null };

function act(state: Walk, chain: Chain, rule: Rule, verdict: Json, holds: Answer, depth: number): End | "left" | undefined {
  if (holds === false) return undefined;
  const [name = ""] = typeof verdict === "object" && verdict !== null ? Object.keys(verdict) : [];
  if (name === "drop" || name === "reject") {
    state.stops.push({ chain, rule, kind: name, sure: state.sure && holds === true });
    return holds ? "stop" : undefined;
  }
  if ((name === "masquerade" || name === "snat") && state.masqueraded !== true) state.masqueraded = (holds && state.sure) || undefined;
  if (name === "dnat" || name === "redirect" || name === "tproxy") state.rewritten = true;
  if (TERMINAL.has(name)) {
    if (holds) return "accept";
    state.sure = false;
    return undefined;
  }
  if (name === "return") {
    if (holds) return "left";
    state.sure = false;
    return undefined;
  }
  if (name === "jump" || name === "goto") return enter(state, chain, verdict, name, holds, depth);
  state.sure = false; // queue, xt, synproxy, and whatever is newer than this program: unknown
  return undefined;
}

const TERMINAL = new Set(["accept", "masquerade", "snat", "dnat", "redirect", "tproxy"]);

function enter(state: Walk, chain: Chain, verdict: Json, name: "jump" | "goto", holds: Answer, depth: number): End | "left" | undefined {
  const wanted = field(field(verdict, name), "target");
  const target = state.ruleset.chains.find(
    ({ family, table, name: is }) => family === chain.family && table === chain.table && is === wanted,
  );
  if (target === undefined || depth === DEEPEST) {
    state.sure = false;
    return undefined;
  }
  const before = state.sure;
  if (!holds) state.sure = false;
  const end = walkChain(state, target, depth + 1);
  if (holds) return end === "return" ? (name === "goto" ? "left" : undefined) : end;
  state.sure = before && !mayLeave(state.ruleset, target, depth);
  return undefined;
}

/** A chain that may accept a packet: rules after a jump to it are not reached for certain. */
function mayLeave(ruleset: Ruleset, chain: Chain, depth: number): boolean {
  const text = JSON.stringify(chain.rules.map(({ expr }) => expr));
  if (/"(accept|goto|queue|xt|masquerade|snat|dnat|redirect|tproxy)"/.test(text)) return true;
  if (!text.includes('"jump"')) return false;
  return (
    depth < DEEPEST &&
    ruleset.chains.some((other) => other !== chain && text.includes(`"${other.name}"`) && mayLeave(ruleset, other, depth + 1))
  );
}
