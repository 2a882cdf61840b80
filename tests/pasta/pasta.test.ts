// `contain run --net veth` of an ordinary user: pasta. Every script runs in a network, mount and PID namespace of its own, which stands for
// the host; what it starts as nobody ends with it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, type Result, run } from "../helpers/run.ts";

const dir = scratch("pasta");
const rootfs = makeRootfs(dir);

/** A host with a way out, to 192.0.2.2, and with a /dev/net/tun that is everybody's. */
const HOST = `
  PATH=${bin}:$PATH
  mount -t tmpfs tmpfs /run; mkdir /run/dev; mknod -m 666 /run/dev/tun c 10 200; mount --bind /run/dev /dev/net
  mkdir -m 700 /run/user; chown 65534:65534 /run/user; export XDG_RUNTIME_DIR=/run/user
  unshare --net sh -c 'echo >/run/other; exec sleep 100' & o=$!
  for i in $(seq 600); do [ -e /run/other ] && break; sleep 0.1; done
  ip link set lo up; ip link add up0 type veth peer name o0 netns $o; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up
  nsenter -t $o -n sh -c 'ip addr add 192.0.2.2/24 dev o0; ip link set o0 up'
  for i in $(seq 600); do ip -o link show up0 | grep -q LOWER_UP && break; sleep 0.1; done
  ip route add default via 192.0.2.2; echo 0 65535 >/proc/sys/net/ipv4/ping_group_range
  cat >/run/serve.pl <<'E'
  use Socket; ($ip, $port, $text) = @ARGV; socket(L, PF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in($port, inet_aton($ip))) or die; listen(L, 9);
  while (accept(C, L)) { syswrite(C, "$text\\n"); close C }
E
  cat >/run/get.pl <<'E'
  use Socket; $SIG{ALRM} = sub { print "silent\\n"; exit 1 }; alarm 1; socket(S, PF_INET, SOCK_STREAM, 0);
  connect(S, sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) or do { print $!{ECONNREFUSED} ? "refused\\n" : "$!\\n"; exit 1 }; sysread(S, $b, 99); print $b; exit !$b;
E
`;
const PRELUDE = `
  alias nc='busybox nc' ping='busybox ping'
  box() { contain run -q --rootfs ${rootfs} --net veth "$@"; }
  get() { for i in $(seq 600); do got=$(perl /run/get.pl "$@") && break; sleep 0.1; done; echo "$got"; }
  soon() { for i in $(seq 600); do "$@" && return; sleep 0.1; done; echo "in vain: $*"; }
  pastas() { ps -eo args= | grep -c '^[p]asta'; }
  one() { [ "$(pastas)" = 1 ]; }
  none() { [ "$(pastas)" = 0 ]; }
  supervisor() { sed 's/.*"supervisor":{"pid":\\([0-9]*\\).*/\\1/' /run/user/contain/*/state.json; }
`;

function host(script: string, { before = "", timeout = 30_000 }: { readonly before?: string; readonly timeout?: number } = {}): Result {
  // Not exec'd: a change of credentials would clear the death signal by which all of this ends with unshare(1).
  const asUser = "setpriv --reuid 65534 --regid 65534 --clear-groups sh -c";
  const quoted = `'${`${PRELUDE}\n${script}`.replaceAll("'", `'\\''`)}'`;
  const inside = `${HOST}\n${before}\n${asUser} ${quoted}; exit 0`;
  return run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside], {
    timeout,
    env: { CONTAIN_CHAIN: undefined },
  });
}

describe("contain run --net veth of an ordinary user", need("root", "pasta"), () => {
  test("it has an address, a way out, names and published ports, and pasta goes with it", () => {
    const { stdout, stderr } = host(`
      box -- sh -c 'ip -4 -o addr show eth0 | grep -o "10[0-9./]*" | head -1; ip route | grep -o "default via [0-9.]*"; tail -1 /etc/hosts; ping -c1 -w3 192.0.2.2 | grep -o "[0-9] packets received"; exit 7'; echo $?
      contain run -q -d --name s --net veth -p 8080:80 -p 127.0.0.1:8081:81 -- perl /run/serve.pl 0.0.0.0 80 hello >/dev/null
      get 127.0.0.1 8080; get 192.0.2.1 8080
      contain exec s -- ip -4 -o addr show eth0 | grep -o '10[0-9./]*' | head -1
      contain explain s | sed -n '/^Network/,/^Priv/p' | sed 's/PID [0-9]*/PID N/' | grep '^  '
      pastas; contain stop --grace 0 s; contain rm s; pastas; ls -A /run/user/contain`);
    assert.equal(
      stdout,
      [
        ...["10.88.0.2/24", "default via 10.88.0.1", "10.88.0.2\tsandbox", "1 packets received", "7"],
        ...["hello", "hello", "10.88.0.2/24"],
        "  - eth0 is up with 10.88.0.2/24",
        "  - packets to other networks go by 10.88.0.1 on eth0",
        "  - port 8080/tcp of every address of the host leads to its port 80, by PID N and pasta, its child; there somebody listens at 00000000:0050",
        "  - port 8081/tcp of 127.0.0.1 leads to its port 81, by PID N and pasta, its child, where nobody listens: a connection is closed at once",
        ...["1", "0", ""],
      ].join("\n"),
      stderr,
    );
  });

  test("what is the host's alone stays so: its loopback, also by the gateway's address, and ports that are open inside", () => {
    const { stdout } = host(`
      perl /run/serve.pl 0.0.0.0 7001 reached & perl /run/serve.pl 127.0.0.1 7000 secret & for p in 1B58 1B59; do until grep -q ":$p 0" /proc/net/tcp; do sleep 0.05; done; done
      contain run -q -d --name c --net veth -- perl /run/serve.pl 0.0.0.0 9000 inside >/dev/null
      contain run -q --net veth -- sh -c 'for to in "127.0.0.1 7000" "10.88.0.1 7000" "192.0.2.1 7001"; do perl /run/get.pl $to; done'
      perl /run/get.pl 127.0.0.1 9000; perl /run/get.pl 127.0.0.1 7000
      wc -l </proc/$(sed 's/.*"init":{"pid":\\([0-9]*\\).*/\\1/' /run/user/contain/*/state.json)/net/udp
      contain stop --grace 0 c`);
    assert.equal(stdout, "refused\nsilent\nreached\nrefused\nsecret\n1\n");
  });

  test("--ip, and --nat, which it has anyway; the chain exec'd and printed does the same", () => {
    const { stdout, stderr } = host(`
      box --ip 10.88.0.99 --nat -- ip -4 -o addr show eth0 | grep -o '10[0-9./]*' | head -1
      CONTAIN_CHAIN=exec box --init -- sh -c 'ping -c1 -w3 192.0.2.2 | grep -o "[0-9] packets received"; exit 4'; echo $?
      box -p 8080:80 --print-chain -- sh -c 'ping -c1 -w3 192.0.2.2 | grep -o "[0-9] packets received"; exit 3' >/run/user/script; sh /run/user/script; echo $?
      pastas`);
    assert.equal(stdout, "10.88.0.99/24\n1 packets received\n4\n1 packets received\n3\n0\n", stderr);
  });

  test("datagrams go through, and a port that this pasta would lose is refused", () => {
    const { stdout, stderr } = host(`
      cat >/run/user/u.pl <<'E'
      use Socket; socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(5353, INADDR_ANY)); while ($from = recv(S, $b, 99, 0)) { send(S, uc $b, 0, $from) }
E
      cat >/run/user/c.pl <<'E'
      use Socket; $SIG{ALRM} = sub { print "no answer\\n"; exit }; alarm 30; socket($S, PF_INET, SOCK_DGRAM, 0);
      send($S, "ping", 0, sockaddr_in(5300, inet_aton("127.0.0.1"))); recv($S, $b, 99, 0); print "$b\\n";
E
      contain run -q -d --name u --net veth -p 5300:5353/udp -- perl /run/user/u.pl >/dev/null
      until grep -q ':14E9 ' /proc/$(sed 's/.*"init":{"pid":\\([0-9]*\\).*/\\1/' /run/user/contain/*/state.json)/net/udp; do sleep 0.05; done; perl /run/user/c.pl; contain stop --grace 0 u
      if pasta --version | grep -q '20\\(2[5-9]\\|[3-9]\\)'; then echo 125; else box -p 5353:53/udp -- true; echo $?; fi; pastas`);
    assert.equal(stdout, "PING\n125\n0\n", stderr);
    if (stderr !== "") assert.match(stderr, /0\.0\.0\.0:5353:53\/udp: this pasta .*may lose the answers/);
  });

  test("kill -9 of the supervisor, of the container and of pasta itself: nothing stays, and the last is told", () => {
    const { stdout, stderr } = host(`
      box -d -- sleep 1000 >/dev/null; soon one; kill -9 $(supervisor); soon none; contain gc | grep -c 'was killed'
      box -d --name k -- sleep 1000 >/dev/null; contain kill k; contain wait k 2>/dev/null; contain rm k; pastas
      contain run -d --rootfs ${rootfs} --net veth -- sleep 1000 2>/dev/null >/dev/null
      kill -9 $(pgrep -x 'passt.*|pasta'); soon grep -q 'pasta ended' /run/user/contain/*/supervisor.log; grep -o 'pasta ended.*' /run/user/contain/*/supervisor.log
      contain exec $(contain list -q | head -1) -- ip -o link | grep -c eth0; contain stop --grace 0 $(contain list -q)
      for t in 0.01 0.02 0.03 0.04 0.05 0.06 0.07 0.08 0.09 0.1 0.12 0.14; do contain run -q --rootfs ${rootfs} --net veth -- sleep 1000 & b=$!; sleep $t; kill -9 $b; wait $b; done 2>/dev/null
      soon none; pgrep -x -u 65534 sleep | wc -l`);
    assert.equal(stdout, "1\n137\n0\npasta ended (exit status 137): eth0 is gone.\n0\n0\n", stderr);
  });

  test("a key on the terminal is the container's: pasta does not get it", () => {
    const { stdout, stderr } = host(`
      box -- sh -c 'sleep 1; ping -c1 -w3 192.0.2.2 | grep -o "[0-9] packets received"' & sleep 0.5
      for p in $(pgrep -x 'passt.*|pasta'); do [ "$(ps -o sid= $p)" = "$(ps -o sid= $$)" ] && echo in our session; readlink /proc/$p/cwd; done; wait`);
    assert.match(stdout, /^\/?\n?1 packets received\n$/, stderr);
  });

  const path =
    "mkdir /run/path; for p in sh ps grep ls touch setpriv node readlink dirname; do ln -s $(command -v $p) /run/path; done; ln -s BIN/contain /run/path; export PATH=/run/path";
  for (const [what, before, words, message] of [
    ["a /dev/net/tun that is root's", "chmod 600 /dev/net/tun", "", /pasta: Failed to open.* tun.*\n.*\/dev\/net\/tun: EACCES.*chmod 666/],
    ["a host without a default route", "ip route del default", "", /pasta: .*(routable|interface).*\n.*default route.*--net none/],
    [
      "no pasta",
      path,
      "",
      /missing program: pasta, which connects an ordinary user's network\n.*CAP_NET_ADMIN.*passt; without it --net none/,
    ],
    ["a port below 1024", "", "-p 80:80", /0\.0\.0\.0:80:80\/tcp: bind\(.*EACCES.*\n.*ip_unprivileged_port_start/],
    [
      "a port that is taken",
      "busybox nc -ll -p 8080 -e true & until grep -qs :1F90 /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done",
      "-p 8080:80",
      /port 8080\/tcp of the host is in use/,
    ],
    ["an address that the host has not", "", "-p 192.0.2.77:8080:80", /EADDRNOTAVAIL/],
    ["an address of no container", "", "--ip 10.88.0.1", /not a valid address for a container/],
  ] as const) {
    test(`${what}: refused, the program is not started, and nothing is left`, () => {
      const script = `box ${words} --volume /run/user:/mnt -- touch /mnt/ran; echo $?; pastas; ls /run/user /run/user/contain`;
      const { stdout, stderr } = host(script, { before: before.replace("BIN", bin) });
      assert.match(stderr, message);
      assert.match(stdout, /^125\n0\n/);
      assert.doesNotMatch(stdout, /ran|[0-9a-f]{12}/);
    });
  }
});

describe("nsexec --pasta", need("root", "pasta"), () => {
  test("nsexec connects a namespace, ends as its program does, and says what is missing", () => {
    const { stdout, stderr } = host(`
      nsexec --map-root-user --pasta 10.5.0.7/16 -- sh -c 'ip route | grep -o "default via [0-9.]*"; exit 6'; echo $?; pastas
      nsexec --pasta 10.5.0.7/16 -- true; echo $?
      nsexec --map-root-user --net --publish 8080:80 -- true; echo $?
      nsexec --map-root-user --pasta 10.5.0.7 -- true; echo $?`);
    assert.equal(stdout, "default via 10.5.0.1\n6\n0\n125\n125\n125\n", stderr);
    assert.match(stderr, /--publish is for --pasta/);
  });

  test("root is told of veth", () => {
    const { status, stderr } = run(["nsexec", "--map-root-user", "--pasta", "10.5.0.7/16", "--", "true"]);
    assert.equal(status, 125);
    assert.match(stderr, /--pasta is for an ordinary user.*\n.*veth connects a namespace for root/);
  });
});
