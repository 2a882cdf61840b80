// Random command lines: each tool's real table of options, with values that are right, nearly right, and hostile.

import type { Tool } from "../../packages/chain/src/link.ts";
import type { OptionTable } from "../../packages/chain/src/options.ts";
import { COMMANDS } from "../../packages/contain/src/cli.ts";
import { toolsWith } from "../../packages/contain/src/tools.ts";
import type { Random } from "./random.ts";

export const TOOLS = toolsWith(COMMANDS) as unknown as readonly Tool[];

const LONG = "x".repeat(5000);
const HOSTILE: readonly string[] = [
  ..."|-|--|---|--=|=|-=|=x|:|::|:::|,|,,|/|//|.|..|../../..|~|*|?|%s%n|$(id)|`id`|'|\"|\\|\\n| | 1|1 |\t|\n|a\nb".split("|"),
  ..."0|-0|-1|00|1|01|+1|1.5|1e9|1e999|0x10|NaN|Infinity|-Infinity|undefined|null|true|[object Object]".split("|"),
  ..."2147483647|2147483648|4294967294|4294967295|4294967296|9007199254740993|18446744073709551615|18446744073709551616".split("|"),
  ..."99999999999999999999999999|1K|1k|1T|999999999T|1KiB|-1M|1MM|K|max|MAX|0.0001|50%|101%|-5%|0%".split("|"),
  ..."__proto__|constructor|toString|hasOwnProperty|__defineGetter__|prototype".split("|"),
  ..."a=b|A=|=b|A=\u0001|A=\u001b[31mred|\u001b]0;title\u0007|\u202eevil|\ufffd|\u{1f600}|é|\u2028".split("|"),
  ..."/no/such|/dev/null|/etc/passwd|/proc/self/exe|/proc/1/root|/proc/self/mem|/sys|./|a/b|/etc/passwd/x".split("|"),
  ..."0:0:1|0:0:0|0:0:4294967295|0:0:4294967296|1:2|1:2:3:4|0:0:1,0:0:1|-1:0:1|auto|all|inner:0,outer:0,count:1".split("|"),
  ..."SIGTERM|TERM|term|15|SIGKILL|0|65|SIGFOO|RTMIN+1|127.0.0.1|10.88.0.7|10.88.0.999|::1|8080:80|80:80/udp|0:0|99999:1".split("|"),
  ..."default|none|private|slave|shared|veth|host|user|mount,pid|nofile=1|nofile=9:1|core=-1|cap_sys_admin|sys_admin|net".split("|"),
  LONG,
  `A=${LONG}`,
  `/${"d/".repeat(3000)}`,
];

/** By the beginning of an option's name: what it is likely to take. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  memory: ["64M", "max", "1G"],
  swap: ["0", "64M", "max"],
  pids: ["32", "max"],
  cpu: ["0.5", "50%", "50000", "50000 100000", "max"],
  cpuset: ["0", "0-1"],
  "cpu-weight": ["100"],
  "env-file": ["/dev/null"],
  name: ["fuzz-a", "fuzz-b"],
  hostname: ["box", "b"],
  env: ["A=1", "HOME", "PATH=/bin"],
  user: ["0", "1000:1000", "root", "nobody", "65534"],
  as: ["0", "1000", "root"],
  set: ["cpu.weight=100"],
  setuid: ["0", "1000"],
  setgid: ["0", "1000"],
  setgroups: ["deny", "allow"],
  "map-user": ["0", "1000"],
  "map-group": ["0"],
  linger: ["0", "50ms"],
  "expect-exit": ["7"],
  pdeathsig: ["TERM"],
  parent: ["/"],
  "host-name": ["fuzz0"],
  "map-users": ["0:0:1", "0:0:1000"],
  "map-groups": ["0:0:1", "0:0:1000"],
  map: ["0:0:1", "0", "auto", "root"],
  ulimit: ["nofile=64:128", "core=0", "stack=8388608", "nproc=100"],
  tmpfs: ["/tmp", "/tmp:1M", "/run:0"],
  volume: ["/etc:/mnt", "/etc:/mnt:ro"],
  bind: ["/etc:/mnt"],
  "ro-bind": ["/etc:/mnt"],
  cwd: ["/", "/tmp"],
  workdir: ["/", "/tmp"],
  wd: ["/", "/tmp"],
  root: ["/", "ROOTFS"],
  rootfs: ["ROOTFS", "/"],
  seccomp: ["default", "none"],
  cap: ["all", "sys_admin", "net_raw,chown"],
  caps: ["all", "none", "chown"],
  keep: ["default", "none"],
  drop: ["all", "net_raw"],
  landlock: ["/", "/usr:ro", "/tmp:rw"],
  grace: ["0s", "1s", "100ms"],
  "stop-signal": ["TERM", "15", "SIGINT"],
  signal: ["TERM", "9"],
  net: ["host", "none", "veth"],
  ns: ["user", "time", "net,user"],
  userns: ["auto"],
  publish: ["18080:80", "127.0.0.1:18081:80/udp"],
  ip: ["10.88.0.77"],
  dns: ["1.1.1.1"],
  address: ["10.77.0.2/24"],
  gateway: ["10.77.0.1"],
  bridge: ["fuzzbr0"],
  propagation: ["private", "slave"],
  "kill-child": ["TERM", "none"],
  monotonic: ["1", "-1.5"],
  boottime: ["1000"],
  join: ["net=/proc/self/ns/net", "uts=/proc/1/ns/uts"],
  domainname: ["example"],
  target: ["1", "999999"],
  chain: ["call", "exec"],
  trace: ["json", "text"],
  "preserve-fds": ["0", "1"],
  restart: ["no", "on-failure:1"],
  "log-size": ["1M", "max"],
};

/** Without these nothing else is looked at. */
const NEEDED: Readonly<Record<string, readonly string[]>> = { veth: ["--address", "10.77.0.2/24"] };

export interface Wishes {
  /** Of a hundred values, how many are hostile. */
  readonly hostile: number;
  readonly rootfs: string;
  /** Options and words that are left out, as `contain lab`. */
  readonly without: (tool: string, option: string) => boolean;
  /** Programs at the end. */
  readonly programs: readonly (readonly string[])[];
}

/** A command line: a tool, and its words. */
export function randomWords(random: Random, wishes: Wishes): [string, ...string[]] {
  const tool = random.pick(random.chance(30) ? TOOLS.slice(-1) : TOOLS);
  const name = tool.name;
  if (name === "veth" && !random.chance(wishes.hostile))
    return ["nsexec", "--net", "--", name, ...linkWords(random, name, tool.options, wishes, 0)];
  if (name !== "contain" || random.chance(5)) return [name, ...linkWords(random, name, tool.options, wishes, 0)];
  const command = random.pick(COMMANDS.filter((candidate) => !wishes.without("contain", candidate.name)).concat(runs(wishes)));
  const before = random.chance(5) ? ["--profile"] : [];
  return [name, ...before, command.name, ...linkWords(random, `contain ${command.name}`, command.options, wishes, 0)];
}

/** `contain run` has most of the options. */
const runs = (wishes: Wishes) =>
  COMMANDS.filter(({ name }) => name === "run" && !wishes.without("contain", name)).flatMap((run) => Array(600 / wishes.hostile).fill(run));

function linkWords(random: Random, name: string, table: OptionTable, wishes: Wishes, depth: number): string[] {
  const rare = random.chance(wishes.hostile / 12) ? [] : ["help", "version"];
  const names = Object.keys(table).filter((option) => !rare.includes(option) && !wishes.without(name, option));
  const picked = random.some(5, () => random.pick(names));
  const wanted = random.chance(wishes.hostile / 4) ? picked : [...new Set(picked)]; // most options may be given once
  const options = [
    ...(!random.chance(wishes.hostile / 2) ? (NEEDED[name] ?? []) : []),
    ...wanted.flatMap((option) => optionWords(random, table, option, wishes)),
  ];
  const place = name === "pivot" ? [!random.chance(wishes.hostile / 2) ? wishes.rootfs : value(random, "root", wishes)] : [];
  const more = name === "pivot" && random.chance(30) ? optionWords(random, table, random.pick(names), wishes) : [];
  const own = name === "veth" || !random.chance(wishes.hostile / 4) ? [] : [value(random, "", wishes)];
  return [...options, ...place, ...more, ...own, ...(random.chance(70) ? ["--"] : []), ...next(random, wishes, depth)];
}

function next(random: Random, wishes: Wishes, depth: number): string[] {
  if (depth < 3 && random.chance(40)) {
    const tool = random.pick(TOOLS.filter(({ name }) => name !== "contain"));
    return [tool.name, ...linkWords(random, tool.name, tool.options, wishes, depth + 1)];
  }
  if (random.chance(wishes.hostile / 8)) return random.some(3, () => value(random, "", wishes));
  return [...random.pick(wishes.programs)];
}

function optionWords(random: Random, table: OptionTable, name: string, wishes: Wishes): string[] {
  const spec = table[name];
  const alias = spec?.alias;
  const text = value(random, name, wishes);
  const takes = spec?.type === "string" || spec?.optionalValue === true;
  if (random.chance(wishes.hostile / 12))
    return [random.pick([`--no-${name}`, `--${name}x`, `---${name}`, `--${name.slice(0, -1)}`, `-${name}`, `--${name.toUpperCase()}`])];
  if (!takes)
    return [random.chance(wishes.hostile / 8) ? `--${name}=${text}` : alias !== undefined && random.chance(50) ? `-${alias}` : `--${name}`];
  if (random.chance(wishes.hostile / 10)) return [`--${name}`];
  if (spec?.optionalValue) return [random.chance(50) ? `--${name}` : `--${name}=${text}`];
  if (alias !== undefined && random.chance(40)) return random.chance(30) ? [`-${alias}${text}`] : [`-${alias}`, text];
  return random.chance(30) ? [`--${name}=${text}`] : [`--${name}`, text];
}

function value(random: Random, option: string, wishes: Wishes): string {
  const good = Object.keys(GOOD).find((start) => option === start) ?? Object.keys(GOOD).find((start) => option.startsWith(start));
  const text = good !== undefined && !random.chance(wishes.hostile) ? random.pick(GOOD[good] ?? []) : random.pick(HOSTILE);
  return text.replace("ROOTFS", wishes.rootfs);
}
