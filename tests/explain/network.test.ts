// What `contain explain` says of a container's network: every cause beside one that looks like it, on a host of its own; and what really
// becomes of a connection.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Finding } from "../../packages/chain/src/evidence.ts";
import { need } from "../helpers/need.ts";
import { bin, run } from "../helpers/run.ts";

interface Case {
  readonly name: string;
  /** Commands on the host; `inside COMMAND` in the container's network namespace. */
  readonly stage: string;
  /** Code and text of what is said; `!` before a code that must not be there. */
  readonly says: readonly (readonly [code: string, text?: RegExp])[];
  readonly not?: readonly string[];
  /** What the container's server at port 80 is to the host, and a server of another host to the container. */
  readonly server?: "open" | "refused" | "times out";
  readonly other?: "open" | "refused" | "times out" | "no route";
}

const OUT = "a new connection from it to another network";
const CHAIN = (family: string, hook: string, policy = "accept") =>
  `nft add table ${family} t; nft 'add chain ${family} t c { type filter hook ${hook} priority 0; policy ${policy}; }'; nft add rule ${family} t c`;
const NAT =
  "nft add table ip n; nft 'add chain ip n c { type nat hook postrouting priority 100; }'; nft 'add rule ip n c ip saddr 10.88.0.0/24 oifname up0 masquerade'";

const CASES: readonly Case[] = [
  {
    name: "nothing",
    stage: "",
    says: [["network-not-forwarded", /time out/]],
    not: ["network-dropped"],
    server: "open",
    other: "times out",
  },
  { name: "forwarded", stage: "sysctl 1", says: [["network-not-masqueraded", /10\.88\.0\.2/]], other: "times out" },
  {
    name: "masqueraded",
    stage: `sysctl 1; ${NAT}`,
    says: [["network-not-dropped", new RegExp(OUT)]],
    not: ["network-not-masqueraded"],
    other: "open",
  },
  {
    name: "forwarded, but not from the bridge",
    stage: `sysctl 1; ${NAT}; echo 0 >/proc/sys/net/ipv4/conf/contain0/forwarding`,
    says: [["network-not-forwarded"]],
    other: "times out",
  },
  {
    name: "a policy of forward",
    stage: `sysctl 1; ${NAT}; ${CHAIN("ip", "forward", "drop")} iifname other accept`,
    says: [
      [
        "network-dropped",
        /^a new connection from it to another network is dropped by the policy of the chain c \(table ip t\) on this host: it times out/,
      ],
    ],
    other: "times out",
  },
  {
    name: "a policy with a rule that accepts",
    stage: `sysctl 1; ${NAT}; ${CHAIN("inet", "forward", "drop")} iifname '"contain*"' accept; nft add rule inet t c ct state established,related accept`,
    says: [["network-not-dropped", new RegExp(OUT)]],
    not: ["network-dropped"],
    other: "open",
  },
  {
    name: "the answers are dropped",
    stage: `sysctl 1; ${NAT}; ${CHAIN("ip", "forward", "drop")} iifname contain0 accept`,
    says: [["network-dropped", /^the answer to a new connection from it to another network is dropped by the policy/]],
    other: "times out",
  },
  {
    name: "a rule in a chain that is jumped to",
    stage: `sysctl 1; ${NAT}; nft add table ip t; nft add chain ip t s; nft add rule ip t s ip saddr 10.88.0.0/24 counter drop; ${CHAIN("ip", "forward")} ct state new jump s`,
    says: [["network-dropped", /by the rule `ip saddr 10\.88\.0\.0\/24 counter packets \d+ bytes \d+ drop` of the chain s \(table ip t\)/]],
    other: "times out",
  },
  {
    name: "a chain that is jumped to by others",
    stage: `sysctl 1; ${NAT}; nft add table ip t; nft add chain ip t s; nft add rule ip t s ip saddr 10.88.0.0/24 drop; ${CHAIN("ip", "forward")} iifname '{ "a", "b*" }' jump s`,
    says: [["network-not-dropped", new RegExp(OUT)]],
    not: ["network-dropped", "network-perhaps-dropped"],
    other: "open",
  },
  {
    name: "a rule for some ports",
    stage: `sysctl 1; ${NAT}; ${CHAIN("ip", "forward")} tcp dport 25 drop`,
    says: [["network-perhaps-dropped", /cannot tell whether a new connection from it to another network is dropped.*`tcp dport 25 drop`/]],
    not: ["network-dropped"],
    other: "open",
  },
  {
    name: "a rule with a set of addresses",
    stage: `sysctl 1; ${NAT}; nft add table ip t; nft add set ip t bad '{ type ipv4_addr; flags interval; elements = { 10.88.0.0-10.88.0.9 }; }'; ${CHAIN("ip", "forward")} ip saddr @bad reject`,
    says: [["network-dropped", /is rejected by the rule `ip saddr @bad reject.*: who connects is told so/]],
    other: "refused",
  },
  {
    name: "a set without the address",
    stage: `sysctl 1; ${NAT}; nft add table ip t; nft add set ip t bad '{ type ipv4_addr; flags interval; elements = { 10.88.0.3-10.88.0.9 }; }'; ${CHAIN("ip", "forward")} ip saddr @bad reject`,
    says: [["network-not-dropped", new RegExp(OUT)]],
    not: ["network-dropped"],
    other: "open",
  },
  {
    name: "a rule inside, for the server's port",
    stage: `inside "${CHAIN("inet", "input")} tcp dport 80 counter drop"`,
    says: [
      [
        "network-dropped",
        /^a packet from the host to its port 80\/tcp is dropped by the rule `tcp dport 80 counter .*in its network namespace: it times out/,
      ],
    ],
    server: "times out",
  },
  {
    name: "a rule inside, for another port, and one for the other protocol",
    stage: `inside "${CHAIN("inet", "input")} tcp dport 81-90 drop; nft add rule inet t c udp dport 80 drop"`,
    says: [["network-not-dropped", /its port 80\/tcp/]],
    not: ["network-dropped"],
    server: "open",
  },
  {
    name: "a rule inside that rejects",
    stage: `inside "${CHAIN("inet", "input")} tcp dport vmap '{ 22 : accept, 80 : jump r }'"`.replace(
      "nft add table inet t;",
      "nft add table inet t; nft add chain inet t r; nft add rule inet t r reject with tcp reset;",
    ),
    says: [["network-dropped", /port 80\/tcp is rejected by the rule `.*reject with tcp reset` of the chain r/]],
    server: "refused",
  },
  {
    name: "its answers are dropped by the host",
    stage: `${CHAIN("inet", "input", "drop")} iifname lo accept`,
    says: [["network-dropped", /^the answer to a packet from the host to its port 80\/tcp is dropped by the policy/]],
    server: "times out",
  },
  {
    name: "its answers are accepted by the host",
    stage: `${CHAIN("inet", "input", "drop")} ct state established accept; nft add rule inet t c tcp dport 8080 accept`,
    says: [
      ["network-perhaps-dropped", /a new connection from it to this host .*at the policy of inet t c/],
      ["network-not-dropped", /its port 80\/tcp, a packet from another host to port 8080/],
    ],
    server: "open",
  },
  {
    name: "rules below IP",
    stage: "nft add table bridge t; nft 'add chain bridge t c { type filter hook forward priority 0; policy drop; }'",
    says: [["network-lower-rules", /cannot tell whether frames are dropped.*bridge t c/]],
    not: ["network-not-dropped"],
  },
  {
    name: "frames on the bridge are shown to the rules of IP",
    stage: `echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; ${CHAIN("ip", "forward", "drop")} iifname other accept`,
    says: [["network-dropped", /^a new connection from it to another container on contain0 is dropped/]],
  },
  {
    name: "frames on the bridge are not",
    stage: `echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables; ${CHAIN("ip", "forward", "drop")} iifname other accept`,
    says: [["network-not-dropped"]],
    not: ["network-dropped"],
  },
  {
    name: "a table of iptables-legacy",
    stage: `perl -e 'use Socket; socket(S, PF_INET, SOCK_RAW, 255); $b = pack("a84", "filter"); $l = pack("i", 84); syscall(55, fileno(S), 0, 64, $b, $l)'`,
    says: [["network-legacy-rules", /cannot tell .*iptables-legacy-save/]],
    not: ["network-not-dropped"],
  },
  {
    name: "a way back that is another one",
    stage: "ip route add 10.88.0.2/32 dev up0; echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter",
    says: [
      ["network-way-back", /to up0, and not to contain0/],
      ["network-rp-filter", /drops its packets on contain0/],
    ],
    server: "times out",
  },
  {
    name: "the same with a loose filter",
    stage: "ip route add 10.88.0.2/32 dev up0; echo 2 >/proc/sys/net/ipv4/conf/all/rp_filter",
    says: [["network-way-back"]],
    not: ["network-rp-filter"],
  },
  {
    name: "a strict filter and the right way",
    stage: "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter",
    says: [["network-not-dropped"]],
    not: ["network-rp-filter", "network-way-back"],
    server: "open",
  },
  {
    name: "a host without a way out",
    stage: "sysctl 1; ip route del default; ip addr flush dev up0",
    says: [["network-host-no-route", /ENETUNREACH/]],
    other: "no route",
  },
  {
    name: "a container without a way out",
    stage: "inside 'ip route del default'",
    says: [["network-no-route", /ENETUNREACH, "no route"/]],
    other: "no route",
  },
  {
    name: "no nft",
    stage: "mount --bind /bin/false /usr/sbin/nft 2>/dev/null",
    says: [["network-filtered", /cannot tell/]],
    not: ["network-not-dropped"],
  },
];

/** Rules of a chain at forward, and what becomes of a connection to another network there. */
const RULES: readonly (readonly [rules: string, becomes: "dropped" | "perhaps" | "passes"])[] = [
  ["ip saddr 10.88.0.0/24 drop", "dropped"],
  ["ct state new ip saddr 10.89.0.0/24 drop", "passes"],
  ["ip saddr 10.89.0.0/24 drop", "perhaps"], // the answers' address is not known
  ['iifname != "contain0" drop', "dropped"], // the answers come from elsewhere
  ['iifname "contain0" oifname != "up0" drop', "passes"],
  ["ip daddr 8.8.8.8 drop", "perhaps"],
  ["ip daddr 10.88.0.5 drop", "passes"],
  ["ip daddr 10.88.0.2 drop", "dropped"],
  ["ip saddr { 10.88.0.3, 10.88.0.2 } drop", "dropped"],
  ["limit rate 1/second drop", "perhaps"],
  ["tcp dport 22 accept; drop", "dropped"], // the answers, to a port that is not 22
  ["ct state established accept; tcp dport 22 accept; drop", "perhaps"],
  ["ct state established accept; tcp dport 22 jump s_accept; drop", "perhaps"],
  ["tcp dport 22 jump s_count; drop", "dropped"],
  ["tcp dport 22 jump s_drop", "perhaps"],
  ["goto s_accept; drop", "passes"],
  ["goto s_count; drop", "passes"],
  ["jump s_return; drop", "dropped"],
  ["jump s_drop", "dropped"],
  ["ct state established drop", "dropped"],
  ["ct state invalid drop", "passes"],
  ["ct state vmap { invalid : drop, established : accept }; iifname up0 drop", "passes"],
  ["meta mark 1 drop", "perhaps"],
  ["meta l4proto udp drop", "perhaps"],
  ["meta nfproto ipv6 drop", "passes"],
  ["ip6 saddr ::1 drop", "passes"],
  ["ip saddr . tcp dport { 10.88.0.2 . 80 } drop", "perhaps"],
  ["ct state new tcp sport 1-1023 drop", "passes"],
  ["tcp sport 1-1023 drop", "perhaps"],
  ["tcp dport != 80 drop", "perhaps"],
  ["reject", "dropped"],
];

/** One host for a case: the container with its server, and another host behind up0. */
const HOST = `
  PATH=${bin}:$PATH
  mount -t tmpfs tmpfs /run; ip link set lo up
  cat >/run/serve.pl <<'E'
  use Socket; socket(L, PF_INET, SOCK_STREAM, 0); setsockopt(L, SOL_SOCKET, SO_REUSEADDR, 1); bind(L, sockaddr_in(80, INADDR_ANY)); listen(L, 9); while (accept(C, L)) { close C }
E
  cat >/run/try.pl <<'E'
  use Socket; $SIG{ALRM} = sub { print "times out\\n"; exit }; use Time::HiRes "ualarm"; ualarm(1000 * $ARGV[1]);
  socket(S, PF_INET, SOCK_STREAM, 0); print connect(S, sockaddr_in(80, inet_aton($ARGV[0]))) ? "open" : $!{ECONNREFUSED} ? "refused" : $!{ENETUNREACH} ? "no route" : "$!", "\\n";
E
  echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
  sysctl() { echo $1 >/proc/sys/net/ipv4/ip_forward; }
  unshare --net perl /run/serve.pl & o=$!
  for i in $(seq 600); do [ "$(readlink /proc/$o/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.02; done
  ip link add up0 type veth peer name o0 netns $o; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up
  nsenter -t $o -n sh -c 'ip addr add 192.0.2.2/24 dev o0; ip link set o0 up'
  for i in $(seq 600); do ip -o link show up0 | grep -q LOWER_UP && break; sleep 0.02; done
  ip route add default via 192.0.2.2
  contain run -q -d --name e --net veth --publish 8080:80 -- perl /run/serve.pl >/dev/null
  init=$(sed 's/.*"init":{"pid":\\([0-9]*\\).*/\\1/' /run/contain/*/state.json)
  inside() { nsenter -t $init -n sh -c "$1"; }
  for i in $(seq 600); do grep -q ':0050 0' /proc/$init/net/tcp && break; sleep 0.02; done
`;

describe("contain explain: connection refused, no route, dropped by a rule", need("root", "nft", "perl"), () => {
  for (const { name, stage, says, not = [], server, other } of CASES) {
    test(name, () => {
      // An ICMP error comes back while connect(2) still has the socket, so that only the second SYN, after a second, is answered by it.
      const patience = other === "refused" || other === "no route" ? 1500 : 300;
      const script = `${HOST}\n${stage}\ncontain explain --json e; echo; echo "== server"; perl /run/try.pl 10.88.0.2 300; echo "== other"; nsenter -t $init -n perl /run/try.pl 192.0.2.2 ${patience}; contain stop --grace 0 e`;
      const { stdout, stderr } = run([
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        script,
      ]);
      const [, json = "", toServer, toOther] = /^([\s\S]*)\n== server\n(.*)\n== other\n(.*)\n/.exec(stdout) ?? [];
      const { findings } = JSON.parse(json) as { readonly findings: readonly Finding[] };
      const network = findings.filter(({ code }) => code.startsWith("network-"));
      const shown = `${network.map(({ code, text }) => `${code}: ${text}`).join("\n")}\n${stderr}`;
      for (const [code, text = /./] of says)
        assert.ok(
          network.some((finding) => finding.code === code && text.test(finding.text)),
          `${code} ${text} is not in\n${shown}`,
        );
      for (const code of not) assert.ok(!network.some((finding) => finding.code === code), `${code} is in\n${shown}`);
      for (const { evidence, text } of network) assert.ok(evidence.length > 0, text);
      if (server !== undefined) assert.equal(toServer, server, shown);
      if (other !== undefined) assert.equal(toOther, other, shown);
    });
  }

  test("conditions and verdicts, one by one", () => {
    const chains =
      "nft 'table inet t { chain s_accept { accept; }; chain s_count { counter; }; chain s_return { return; }; chain s_drop { drop; }; }'";
    const chain = (name: string, kind: string, priority: number, rules: string) =>
      `nft 'add chain inet t ${name} { type ${kind} priority ${priority}; }'; ${rules
        .split("; ")
        .map((rule) => `nft 'add rule inet t ${name} ${rule}'`)
        .join("; ")}`;
    const staged = [
      ...RULES.map(([rules]) => chain("c", "filter hook forward", 0, rules)),
      `${chain("c", "filter hook forward", 10, "drop")}; ${chain("d", "filter hook forward", -10, "accept")}`,
      chain("c", "nat hook postrouting", 0, "ct state established drop"),
    ];
    const script = `${HOST}\nsysctl 1\n${staged.map((stage) => `${chains}; ${stage}; contain explain --json e; nft flush ruleset; echo "=="`).join("\n")}`;
    const { stdout, stderr } = run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]);
    const becomes = stdout.split("\n==\n").map((json) => {
      if (json.trim() === "") return "";
      const { findings } = JSON.parse(json) as { readonly findings: readonly Finding[] };
      const codes = findings
        .filter(({ code, text }) => /^network-(perhaps-|not-)?dropped/.test(code) && text.includes(OUT))
        .map(({ code }) => code);
      return codes.map((code) => ({ "network-dropped": "dropped", "network-perhaps-dropped": "perhaps" })[code] ?? "passes").join();
    });
    const expected = [...RULES, ["accept, and drop in a later chain", "dropped"], ["a chain of type nat", "passes"]] as const;
    assert.deepEqual(
      expected.map(([rules], i) => `${rules}: ${becomes[i]}`),
      expected.map(([rules, becomes_]) => `${rules}: ${becomes_}`),
      stderr,
    );
  });
});
