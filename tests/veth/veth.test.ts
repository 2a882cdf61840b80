// veth and `contain run --net veth`. Every script runs in a network, mount and PID namespace of its own, which stands for the host: no
// bridge ever appears on the real one.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { refusal } from "../helpers/refusal.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, type Result, run } from "../helpers/run.ts";

const dir = scratch("veth");
const rootfs = makeRootfs(dir);

const PRELUDE = `
  PATH=${bin}:$PATH
  alias nc='busybox nc' ping='busybox ping'
  mount -t tmpfs tmpfs /run
  links() { ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | grep -vx lo | sed 's/contain-.*/contain-X/' | sort | tr '\\n' ' '; echo; }
  in_net() { for i in $(seq 600); do [ "$(readlink /proc/$1/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.1; done; }
  box() { contain run -q --rootfs ${rootfs} --net veth "$@"; }
  supervisor() { sed 's/.*"supervisor":{"pid":\\([0-9]*\\).*/\\1/' /run/contain/*/state.json; }
  init() { sed 's/.*"init":{"pid":\\([0-9]*\\).*/\\1/' /run/contain/*/state.json; }
  get() { for i in $(seq 600); do nc "$@" </dev/null | grep . && return; sleep 0.1; done; echo "no answer from $*"; }
`;

/** Runs a script on a host of its own. */
function host(script: string, timeout = 120_000): Result {
  return run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", `${PRELUDE}\n${script}`], {
    timeout,
    env: { CONTAIN_CHAIN: undefined },
  });
}

describe("veth", need("root"), () => {
  test("two namespaces reach each other and the host, the ends are shown, and everything but the bridge goes with them", () => {
    const { stdout, stderr } = host(`
      nsexec --net sleep 1000 & a=$!
      nsexec --net sleep 1000 & b=$!
      in_net $a; in_net $b
      veth $a --address 10.88.0.7/24
      veth $b --address 10.88.0.8/24 --host-name contain-b
      nsenter -t $a -n busybox ping -c1 -w30 10.88.0.8 | grep -o '[0-9] packets received'
      nsenter -t $a -n busybox ping -c1 -w30 10.88.0.1 | grep -o '[0-9] packets received'
      nsenter -t $a -n busybox ping -c1 -w30 127.0.0.1 | grep -o '[0-9] packets received'
      veth --show $b | tail -n +2
      [ "$(veth --show $a --json | sed 's/.*"host":{"name":"\\([^"]*\\)".*/\\1/')" = "contain-$a" ] && echo named
      links
      kill $a $b; wait; for i in $(seq 600); do [ "$(links)" = "contain0 " ] && break; sleep 0.1; done; links`);
    assert.equal(
      stdout,
      [
        "1 packets received",
        "1 packets received",
        "1 packets received",
        "lo: up, 127.0.0.1/8",
        "eth0 (veth): up, 10.88.0.8/24",
        "  other end: contain-b (up, on contain0)",
        "default by 10.88.0.1 on eth0",
        "10.88.0.0/24 on eth0",
        "named",
        "contain-X contain-X contain0 ",
        "contain0 ",
        "",
      ].join("\n"),
      stderr,
    );
  });

  for (const [how, chain] of [
    ["called", "call"],
    ["exec'd", "exec"],
  ] as const) {
    test(`as a link of a chain it connects its own namespace with its parent's, ${how}`, () => {
      const { stdout, stderr, status } = host(`
        export CONTAIN_CHAIN=${chain}
        nsexec --net --pid -- veth --address 10.1.0.2/16 --bridge br9 --name net0 -- sh -c 'ip -4 -o addr show net0 | grep -o "10[0-9./]*" | head -1; ip route | grep -o "default via [0-9.]*"; exit 7'; echo $?
        ip -4 -o addr show br9 | grep -o "10[0-9./]*" | head -1`);
      assert.deepEqual([stdout, status], ["10.1.0.2/16\ndefault via 10.1.0.1\n7\n10.1.0.1/16\n", 0], stderr);
    });
  }

  test("a bridge that somebody else has made keeps its address", () => {
    const { stdout, stderr } = host(`
      ip link add other type bridge; ip addr add 10.9.0.254/24 dev other
      nsexec --net -- veth --address 10.9.0.2/24 --gateway 10.9.0.254 --bridge other -- busybox ping -c1 -w30 10.9.0.254 | grep -o '[0-9] packets received'
      ip -4 -o addr show other | grep -c inet`);
    assert.equal(stdout, "1 packets received\n1\n", stderr);
  });

  test("what fails leaves no pair behind", () => {
    const { stdout, stderr } = host(`
      nsexec --net sleep 1000 & a=$!
      in_net $a
      veth $a --address 10.88.0.7/24
      veth $a --address 10.88.0.7/24 --host-name second; echo $?
      nsenter -t $a -n ip link set eth0 name old
      veth $a --address 10.88.0.8/24 --host-name second; echo $?
      links; kill $a`);
    assert.match(stderr, /RTM_NEWLINK\(.*"second".*\): EEXIST.*\n.*names are unique in a network namespace/);
    assert.match(stderr, /RTM_NEWROUTE\(.*default\): EEXIST/, "the second default route");
    assert.equal(stdout, "125\n125\ncontain-X contain0 \n");
  });

  for (const [words, message] of [
    ["", /^veth: missing PID or program\n/],
    ["$$", /which address\?/],
    ["$$ --address 10.88.0.7", /"10.88.0.7" is not an IPv4 address with its network/],
    ["$$ --address 10.88.0.0/24", /the first and the last address of a network belong to no host/],
    ["$$ --address 10.88.0.1/24", /the gateway has this address/],
    ["$$ --address 10.88.0.7/24 --gateway 10.89.0.1", /not in the network 10\.88\.0\.0\/24/],
    ["$$ --address 10.88.0.7/24 --gateway 10.88.0.255", /the first and the last address of a network belong to no host/],
    ["$$ --address 10.88.0.7/24 --gateway 10.88.0.7", /the gateway has this address/],
    ["$$ --address 127.0.0.2/8", /no host on a network has such an address/],
    ["$$ --address 10.88.0.7/31", /of 1 to 30 bits/],
    ["$$ --address fd00::2/64", /is not an IPv4 address/],
    ["$$ --address 10.88.0.7/24 --address 10.88.0.8/24", /--address was given twice/],
    ["$$ --address 10.88.0.7/24 --json", /--json needs --show/],
    ["$$ --address 10.88.0.7/24 --name a%d", /not a valid interface name/],
    ["--show", /^veth: --show: missing PID\n/],
    ["--show abc", /^veth: --show: missing PID\n/],
    ["--show 4194000", /^veth: no such process: 4194000\n/],
    [
      "--show $(perl -e 'if (!fork) { exit } sleep 9' >/dev/null & p=$!; until read -r c _ </proc/$p/task/$p/children; grep -qs '^State:.Z' /proc/$c/status; do sleep 0.02; done; echo $c)",
      /\/proc\/\d+\/ns\/net: ENOENT\n.*an ended process has no namespaces/,
    ],
    ["$$ --address 10.88.0.7/24 --bridge a-name-that-is-too-long", /at most 15 bytes \(IFNAMSIZ\)/],
    ["$$ --address 10.88.0.7/24 --name a/b", /not a valid interface name/],
    ["$$ --address 10.88.0.7/24 true", /^veth: unexpected argument: true\n/],
    ["4194000 --address 10.88.0.7/24", /^veth: no such process: 4194000\n/],
    ["--show $$ --address 10.88.0.7/24", /--show does not go with --address/],
    ["$$ --address 10.88.0.7/24", /PID \d+ is in the network namespace of this process\n.*nsexec --net/],
    ["--address 10.88.0.7/24 true", /this process is in the network namespace of its parent\n.*nsexec --net/],
  ] as const) {
    test(`veth ${words}: refused, and nothing is changed`, () => {
      const told = words.includes("$(") ? "" : refusal(`veth ${words.replaceAll("$$", `${process.pid}`)}`.trim().split(" "));
      if (told !== "") return assert.match(told, message);
      const { stdout, stderr } = host(`veth ${words}; echo $?; links`);
      assert.match(stderr, message);
      assert.equal(stdout, "125\n\n");
    });
  }

  test("the name of an interface that is no bridge is told", () => {
    const { stdout, stderr } = host("nsexec --net -- veth --address 10.88.0.7/24 --bridge lo -- true; echo $?; links");
    assert.match(stderr, /--bridge lo: this interface is not a bridge/);
    assert.equal(stdout, "125\n\n");
  });

  test("--show of a process without a network of its own, of one of another user, and of one in one's own user namespace", () => {
    const { stdout, stderr } = host(`
      ip link set lo up
      user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
      veth --show $$; veth --show $$ --json | grep -c '"own":true'
      unshare --net sleep 1000 & a=$!; in_net $a
      user ${bin}/veth --show $a; echo $?
      setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user --net sleep 1000 & b=$!; in_net $b; for i in $(seq 600); do [ "$(cat /proc/$b/comm)" = sleep ] && break; sleep 0.05; done
      user ${bin}/veth --show $b | tail -n +2; user ${bin}/veth $b --address 10.88.0.7/24; echo $?
      kill $a $b`);
    assert.match(
      stdout,
      /^PID 1 is in net:\[\d+\], the network namespace of this process\nlo: up, 127\.0\.0\.1\/8\nno route: .*\n1\n125\nlo: down\nno route: .*\n125\n$/,
      stderr,
    );
    assert.match(stderr, /\/proc\/\d+\/ns\/net: EACCES\n.*need permission to trace it/);
    assert.match(stderr, /setns\(.*EPERM/);
  });

  test("every option in one, and two bridges that do not reach each other", () => {
    const { stdout, stderr } = host(`
      unshare --net sleep 1000 & a=$!; unshare --net sleep 1000 & b=$!; in_net $a; in_net $b
      veth $a --address 10.1.0.2/24 --bridge br1 --gateway 10.1.0.9 --name net0 --host-name left --verbose 2>&1
      veth $b --address 10.2.0.2/24 --bridge br2
      veth --show $a | tail -n +3
      nsenter -t $a -n busybox ping -c1 -w1 10.2.0.2 | grep -o '[0-9] packets received'
      nsenter -t $a -n busybox ping -c1 -w1 10.1.0.9 | grep -o '[0-9] packets received'
      kill $a $b`);
    assert.deepEqual(
      stdout.trim().split("\n"),
      [
        ...["[veth] made the bridge br1 (10.1.0.9/24)", "[veth] connecting net0 (10.1.0.2/24) to br1 by left"],
        ...["net0 (veth): up, 10.1.0.2/24", "  other end: left (up, on br1)", "default by 10.1.0.9 on net0", "10.1.0.0/24 on net0"],
        ...["0 packets received", "1 packets received"],
      ],
      stderr,
    );
  });

  test("without CAP_NET_ADMIN the rule and the fix are told", () => {
    const { stderr } = host("nsexec --net -- setpriv --bounding-set -net_admin --inh-caps -net_admin veth --address 10.88.0.7/24 -- true");
    assert.match(stderr, /RTM_NEWLINK\(.*EPERM.*\n.*CAP_NET_ADMIN in the user namespace that owns it/);
  });

  test("nsexec --net has loopback, up", () => {
    assert.equal(host("nsexec --net -- ip -o -4 addr show lo | grep -o 127.0.0.1/8").stdout, "127.0.0.1/8\n");
    assert.equal(host("nsexec --net --map-root-user -- ip -o -4 addr show lo | grep -o 127.0.0.1/8").stdout, "127.0.0.1/8\n");
  });
});

describe("contain run --net veth", need("root"), () => {
  test("two containers reach each other, the host, and a server published on the host", () => {
    const { stdout, stderr } = host(`
      ip link set lo up
      box -d --name server --publish 8080:80 -- sh -c 'while :; do echo hello | nc -l -p 80; done' >/dev/null
      get 127.0.0.1 8080
      box -- sh -c 'for ip in 10.88.0.2 10.88.0.1; do ping -c1 -w30 $ip | grep -o "[0-9] packets received"; done; sleep 0.3; nc 10.88.0.1 8080 </dev/null'
      contain exec server -- ip -o -4 addr show eth0 | grep -o '10[0-9./]*' | head -1
      links
      contain stop --grace 0 server; contain rm server
      links; ls -A /run/contain`);
    assert.equal(stdout, "hello\n1 packets received\n1 packets received\nhello\n10.88.0.2/24\ncontain-X contain0 \n\n", stderr);
  });

  test("a published port passes megabytes both ways, each side's end on its own, and many connections at once", () => {
    const { stdout, stderr } = host(`
      ip link set lo up
      head -c 8000000 /dev/urandom >${dir}/bytes
      cat >${dir}/e.pl <<'E'
      use Socket; $SIG{CHLD} = "IGNORE"; socket(L, PF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(9000, INADDR_ANY)); listen(L, 9);
      while (accept(C, L)) { if (!fork) { while (sysread(C, $b, 65536)) { print { C } $b } exit } close C }
E
      contain run -q -d --name echo --net veth --publish 127.0.0.1:9000:9000 -- perl ${dir}/e.pl >/dev/null
      for i in $(seq 600); do echo hi | nc 127.0.0.1 9000 | grep -q hi && break; sleep 0.1; done
      nc 127.0.0.1 9000 <${dir}/bytes | cmp - ${dir}/bytes && echo same
      for i in 1 2 3 4 5 6; do echo $i | nc 127.0.0.1 9000 & done; wait
      contain stop --grace 0 echo; rm ${dir}/bytes`);
    assert.deepEqual(stdout.trim().split("\n").sort(), ["1", "2", "3", "4", "5", "6", "same"], stderr);
  });

  test("a published port: 1,000 connections in a row, slow readers, 100 at the end of the container, no descriptor left", () => {
    const { stdout, stderr } = host(`
      ip link set lo up
      cat >${dir}/serve.pl <<'E'
      use Socket; $SIG{CHLD} = "IGNORE"; $SIG{PIPE} = "IGNORE"; ($what) = @ARGV;
      socket(L, PF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(80, INADDR_ANY)); listen(L, 999);
      while (accept(C, L)) {
        if ($what eq "hold") { open($c[$n++], "+<&", *C) }
        elsif ($what eq "hi") { syswrite(C, "hi") }
        elsif (!fork) { if ($what eq "flood") { 1 while syswrite(C, "x" x 65536) } else { $n += $r while $r = sysread(C, $b, 65536); syswrite(C, "got $n\n") } exit }
        close C }
E
      cat >${dir}/try.pl <<'E'
      use Socket; use IO::Select; use Time::HiRes qw(sleep time); ($what, $n) = @ARGV;
      sub conn { my $s; socket($s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in(8080, inet_aton("127.0.0.1"))) or die "$!"; $s }
      if ($what eq "row") { for (1..$n) { $s = conn(); sysread($s, $b, 9); $ok += $b eq "hi"; close $s } print "$ok\n" }
      if ($what eq "half") { $s = conn(); syswrite($s, "x" x 100000); shutdown($s, 1); sysread($s, $b, 99); print $b }
      if ($what eq "slow") { @s = map { conn() } 1..8; for (1..$n) { sysread($_, $b, 999) for @s; sleep 0.01 } }
      if ($what eq "hold") { @s = map { conn() } 1..$n; open(F, ">", "/run/held"); close F; $l = IO::Select->new(@s); $end = time + 100;
        while ($l->count && time < $end) { for ($l->can_read(0.2)) { if (!sysread($_, $b, 9)) { $e++; $l->remove($_) } } } print "$e of $n ended\n" }
E
      serve() { contain run -q -d --name s --net veth --publish 8080:80 -- perl ${dir}/serve.pl $1 >/dev/null; s=$(supervisor); until grep -q ':0050 0' /proc/$(init)/net/tcp; do sleep 0.05; done; }
      end() { contain stop --grace 0 s; contain rm s; }
      fds() { ls /proc/$s/fd | wc -l; }
      anon() { awk '/RssAnon/ { print $2 }' /proc/$s/status; }
      soon() { for i in $(seq 600); do "$@" && return; sleep 0.1; done; echo "$(fds) descriptors, not $a; $(anon) kB after $m" >&2; return 1; }
      serve hi; perl ${dir}/try.pl row 200; a=$(fds) m=$(anon); perl ${dir}/try.pl row 1000; soon eval '[ $(fds) -le $a ] && [ $(anon) -lt $((m + 8000)) ]' && echo flat; end
      serve count; perl ${dir}/try.pl half; end
      serve flood; m=$(anon); perl ${dir}/try.pl slow 50; soon eval '[ $(anon) -lt $((m + 4000)) ]' && echo flat; end
      serve hold; perl ${dir}/try.pl hold 100 & t=$!; until [ -e /run/held ]; do sleep 0.05; done; kill -9 $(init); wait $t; contain wait s 2>/dev/null; contain rm s
      cpu() { awk '{ print $14 + $15 }' /proc/$s/stat; }
      for most in 65 66; do serve hold; prlimit --nofile=$most:$most --pid $s; perl ${dir}/try.pl hold 60 >/dev/null & t=$!
        sleep 0.5; c=$(cpu); sleep 0.5; [ $(cpu) -lt $((c + 10)) ] && echo waits; kill $t; end; done; links`);
    assert.equal(stdout, "200\n1000\nflat\ngot 100000\nflat\n100 of 100 ended\n137\nwaits\nwaits\n\n", stderr);
  });

  test("with an init, docker's rails, a terminal, another user, an overlay; a name again; an exec; a recording", () => {
    const { stdout, stderr } = host(`
      for words in --init --confine "--init --confine" --tty "--user 1000" --overlay "--ns pid,mnt" "--record ${dir}/r"; do
        contain run -q --rootfs ${rootfs} --net veth $words -- sh -c 'ip -4 -o addr show eth0 | grep -c 10.88.0.2/24' </dev/null | tr -d '\r'; done
      for i in 1 2; do box -d --name again -- sleep 100 >/dev/null; contain exec -t again -- ip -4 -o addr show eth0 | grep -c 10.88.0.2/24; contain stop --grace 0 again; contain rm again; done; links`);
    assert.equal(stdout, `${"1\n".repeat(10)}\n`, stderr);
  });

  test("a pool that is full", () => {
    const { stdout, stderr } = host(`
      box -d -- sleep 1000 >${dir}/id; id=$(cat ${dir}/id); cd /run/contain
      for i in $(seq 3 254); do n=$(printf %012x $i); mkdir $n; sed 's/'$id'/'$n'/g; s/10[.]88[.]0[.]2"/10.88.0.'$i'"/; s/"hostName":"[^"]*/"hostName":"none'$i'/' $id/state.json >$n/state.json; done
      box -- true; echo $?; rm -r 000000000010; box -- sh -c 'ip -4 -o addr show eth0 | grep -o "10[0-9./]*" | head -1'`);
    assert.match(stderr, /no free address in 10\.88\.0\.0\/24\n.*253 containers have one/);
    assert.equal(stdout, "125\n10.88.0.16/24\n");
  });

  test("datagrams find their way, and the answers theirs", () => {
    const { stdout, stderr } = host(`
      ip link set lo up
      cat >${dir}/u.pl <<'E'
      use Socket; socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(53, INADDR_ANY));
      while ($from = recv(S, $b, 99, 0)) { send(S, uc $b, 0, $from) }
E
      cat >${dir}/c.pl <<'E'
      use Socket; $SIG{ALRM} = sub { print "no answer\\n"; exit }; alarm 100;
      for (1..2) { socket($S[$_], PF_INET, SOCK_DGRAM, 0); send($S[$_], "ping$_", 0, sockaddr_in(5353, inet_aton("127.0.0.1"))); }
      for (2,1) { recv($S[$_], $b, 99, 0); print "$b\\n"; }
E
      contain run -q -d --name u --net veth --publish 5353:53/udp -- perl ${dir}/u.pl >/dev/null
      until grep -q ":0035 " /proc/$(init)/net/udp; do sleep 0.05; done; perl ${dir}/c.pl; contain stop --grace 0 u`);
    assert.equal(stdout, "PING2\nPING1\n", stderr);
  });

  test("40 at once have 40 addresses, and leave no interface", { timeout: 310_000 }, () => {
    const { stdout, stderr } = host(
      `
      mkfifo ${dir}/gate; mkdir ${dir}/out
      for i in $(seq 40); do box --volume ${dir}:/mnt:ro -- sh -c 'ip -4 -o addr show eth0; cat /mnt/gate' >${dir}/out/$i 2>&1 & all="$all $!"; done
      for i in $(seq 600); do [ "$(cat ${dir}/out/* | grep -c eth0)" = 40 ] && break; sleep 0.2; done
      cat ${dir}/out/* | grep -o '10[.]88[.][0-9.]*/24' | sort -u | wc -l
      links | wc -w
      (while :; do : >${dir}/gate; sleep 0.1; done) & opener=$!
      for job in $all; do wait $job; done; kill $opener
      cat ${dir}/out/* | grep -v eth0
      links; ls -A /run/contain`,
      300_000,
    );
    assert.equal(stdout, "40\n41\n\n", stderr);
  });

  test("an address that is asked for, and one that is taken", () => {
    const { stdout, stderr } = host(`
      box -d --name a --ip 10.88.0.77 -- sleep 1000 >/dev/null
      contain exec a -- ip -4 -o addr show eth0 | grep -o '10[0-9./]*' | head -1
      contain exec a -- ip -o link show eth0 | grep -o '02:42:[0-9a-f:]*'
      box --ip 10.88.0.77 -- true; echo $?
      contain stop --grace 0 a
      box --ip 10.88.0.77 -- true; echo $?`);
    assert.match(stderr, /address already in use: --ip 10\.88\.0\.77, by container [0-9a-f]{12}/);
    assert.equal(stdout, "10.88.0.77/24\n02:42:0a:58:00:4d\n125\n0\n", "it is free again when its container has ended");
  });

  for (const protocol of ["tcp", "udp"]) {
    test(`a port that is taken (${protocol}) is told before anything starts`, () => {
      const { stdout, stderr } = host(`
        box -d --name a --publish 7000:1/${protocol} -- sleep 1000 >/dev/null
        touch ${dir}/ran; box --volume ${dir}:/mnt --publish 7000:1/${protocol} -- rm /mnt/ran; echo $?; ls ${dir}/ran; rm ${dir}/ran
        contain list --quiet | wc -l; contain stop --grace 0 a`);
      assert.match(stderr, new RegExp(`--publish 0\\.0\\.0\\.0:7000:1/${protocol}: port 7000/${protocol} of the host is in use`));
      assert.equal(stdout, `125\n${dir}/ran\n1\n`);
    });
  }

  test("/etc/hosts and /etc/resolv.conf name it and its servers, and it cannot write them", () => {
    const { stdout, stderr } = host(
      "box --dns 9.9.9.9 --dns 1.1.1.1 --hostname box -- sh -c 'tail -1 /etc/hosts; cat /etc/resolv.conf; echo x >/etc/hosts; ping -c1 -w30 box | grep -o \"[0-9] packets received\"'",
    );
    assert.equal(stdout, "10.88.0.2\tbox\nnameserver 9.9.9.9\nnameserver 1.1.1.1\n1 packets received\n", stderr);
    assert.match(stderr, /Read-only file system/);
  });

  test("--nat is a table of its own, and goes with the last container that asked for it", need("nft"), () => {
    const { stdout, stderr } = host(`
      nsexec --net sleep 1000 & o=$!; in_net $o
      ip link add up0 type veth peer name o0 netns $o; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up
      nsenter -t $o -n sh -c 'ip addr add 192.0.2.2/24 dev o0; ip link set o0 up'
      box -- sh -c 'ping -c1 -w1 -W1 192.0.2.2 | grep -o "[0-9] packets received"'
      box -d --name n --nat -- sleep 1000 >/dev/null
      box --nat -- sh -c 'ping -c1 -w30 192.0.2.2 | grep -o "[0-9] packets received"'
      nft list tables
      contain stop --grace 0 n; nft list tables; cat /proc/sys/net/ipv4/ip_forward; kill $o`);
    assert.equal(stdout, "0 packets received\n1 packets received\ntable ip contain\n1\n", stderr);
  });

  test("gc removes what a crash left, and not the bridge of another", () => {
    const { stdout, stderr } = host(`
      ip link add contain9 type bridge
      box -d --name a -- sleep 1000 >/dev/null
      kill -9 $(supervisor)
      for i in $(seq 600); do [ "$(links)" = "contain0 contain9 " ] && break; sleep 0.1; done; links
      contain gc | grep -c 'the bridge contain0'; links; ls -A /run/contain`);
    assert.equal(stdout, "contain0 contain9 \n1\ncontain9 \n", stderr);
  });

  test("gc removes the end of a pair that somebody keeps, and its address is free before", () => {
    const { stdout, stderr } = host(`
      hold() { box -d --ip 10.88.0.77 -- sleep 1000 >/dev/null; init=$(init); nsenter -t $init -n sleep 1000 & for i in $(seq 600); do [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/$init/ns/net)" ] && break; sleep 0.05; done; }
      hold; kill -9 $(supervisor); until contain list | grep -q dead && [ ! -e /proc/$init ]; do sleep 0.05; done
      links; contain gc | grep -c 'its supervisor'; links; ls -A /run/contain
      hold; kill -9 $(supervisor); until contain list | grep -q dead && [ ! -e /proc/$init ]; do sleep 0.05; done
      box --ip 10.88.0.77 -- ping -c1 -w30 10.88.0.1 | grep -o '[0-9] packets received'; links`);
    assert.equal(stdout, "contain-X contain0 \n1\n\n1 packets received\n\n", stderr);
  });

  test("gc removes the table of --nat", need("nft"), () => {
    const { stdout, stderr } = host(`
      box -d --nat -- sleep 1000 >/dev/null; box -d -- sleep 1000 >/dev/null; nft list tables
      kill -9 $(grep -l '"nat":true' /run/contain/*/state.json | xargs sed 's/.*"supervisor":{"pid":\\([0-9]*\\).*/\\1/')
      until contain list | grep -q dead; do sleep 0.05; done
      contain gc | grep -c "nft table ip contain"; nft list tables; kill -9 $(supervisor)`);
    assert.equal(stdout, "table ip contain\n1\n", stderr);
  });

  test("kill -9 at each request of the set-up, and each of them refused: gc leaves nothing", need("strace", "nft"), () => {
    const { stdout, stderr } = host(
      `
      left() { links | grep -v '^$'; nft list tables; ls -A /run/contain; }
      for fault in $(seq -f signal=KILL:when=%g 10) error=ENOBUFS:when=2 error=ENOBUFS:when=5 error=ENOBUFS:when=8 $(seq -f nat:signal=KILL:when=%g 2); do
        nat=; case $fault in nat:*) nat=--nat fault=\${fault#nat:};; esac # nft(8) sends, too, and before anything else is made
        strace -f -qq -o /dev/null -e trace=sendto -e inject=sendto:$fault contain run -q --net veth $nat --rootfs ${rootfs} -- true >/run/out 2>&1 </dev/null; s=$?
        case $fault:$s in signal*|*:0) ;; *:125) grep -q 'ENOBUFS\\|No buffer' /run/out || cat /run/out;; *) echo "$fault: $s"; cat /run/out;; esac
        grep 'this is a bug' /run/out
        for i in $(seq 600); do contain gc >/dev/null 2>&1; [ -z "$(left)" ] && break; sleep 0.05; done; left
      done; echo end`,
      300_000,
    );
    assert.equal(stdout, "end\n", stderr);
  });

  test("contain explain tells the bridge, the way out, and who listens at a published port", () => {
    const { stdout, stderr } = host(`
      box -d --name e --publish 8080:80 --publish 8081:81 -- nc -l -p 80 >/dev/null
      for i in $(seq 600); do contain explain e | grep -q 'somebody listens' && break; sleep 0.1; done
      contain explain e | sed -n '/^Network/,/^Priv/p' | sed 's/contain-[0-9a-f]*/END/; s/PID [0-9]*/PID N/; s/, .*, on/, on/'
      echo 1 >/proc/sys/net/ipv4/ip_forward; contain explain --json e | grep -o network-host-no-route
      contain stop --grace 0 e`);
    assert.match(stdout, /eth0 is up with 10\.88\.0\.2\/24; its other end here is END, up, a port of the bridge contain0/, stderr);
    assert.match(stdout, /packets to other networks go by 10\.88\.0\.1 on eth0/);
    assert.match(stdout, /this host passes none of them on/);
    assert.match(stdout, /port 8080\/tcp of every address of the host leads to its port 80, by PID N; there somebody listens/);
    assert.match(stdout, /port 8081\/tcp .*leads to its port 81, by PID N, where nobody listens/);
    assert.match(stdout, /^network-host-no-route$/m);
  });

  for (const [words, message] of [
    ["--net none --publish 80:80", /--publish needs --net veth/],
    ["--ip 10.88.0.9", /--ip needs --net veth/],
    ["--net veth --publish 80", /must be \[IP:\]HOST:CONT\[\/udp\]/],
    ["--net veth --publish 80:80/sctp", /must be \[IP:\]HOST:CONT\[\/udp\]/],
    ["--net veth --publish 0:80", /is not a whole number from 1 to 65535/],
    ["--net veth --publish 80:80:80:80", /must be \[IP:\]HOST:CONT/],
    ["--net veth --publish 1.2.3:80:80", /is not an IPv4 address/],
    ["--net veth --publish 192.0.2.99:80:80", /EADDRNOTAVAIL.*\n.*no interface/],
    ["--net veth --publish 80:70000", /is not a whole number from 1 to 65535/],
    ["--net veth --publish 80:1 --publish 80:2", /is given twice/],
    ["--net veth --ip 10.88.0.1", /not a valid address for a container/],
    ["--net veth --ip 10.99.0.5", /not a valid address for a container/],
    ["--net veth --dns nine", /is not an IPv4 address/],
    ["--net overlay", /must be none, host or veth/],
    ["--net veth --ns pid,mnt,user", /does not go with a user namespace yet/],
  ] as const) {
    test(`contain run ${words}: refused`, () => {
      const argv = ["contain", "run", ...words.split(" "), "--", "true"];
      const told = refusal(argv);
      if (told !== "") return assert.match(told, message);
      const { status, stderr } = run(argv);
      assert.equal(status, 125);
      assert.match(stderr, message);
    });
  }

  test("the script of --print-chain does the same", () => {
    const { stdout, stderr } = host(`
      box --print-chain -- sh -c 'ping -c1 -w30 10.88.0.1 | grep -o "[0-9] packets received"; exit 3' >${dir}/script; sh ${dir}/script 2>/dev/null; echo $?
      CONTAIN_CHAIN=exec box -- sh -c 'ping -c1 -w30 10.88.0.1 | grep -o "[0-9] packets received"; exit 4'; echo $?`);
    assert.equal(stdout, "1 packets received\n3\n1 packets received\n4\n", stderr);
  });
});
