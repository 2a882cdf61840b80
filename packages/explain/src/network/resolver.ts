// The name servers in a resolv.conf, and whether somebody can answer at their addresses from a given network namespace (resolv.conf(5)).

/** Without a nameserver line the C library asks 127.0.0.1. */
export function nameServersIn(text: string): string[] {
  return text.split("\n").flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

const DNS = 53;
const LOCAL = /^(?:127\.|::1$)/;

/**
 * @param network the container's own, if its processes have ended or are listed; otherwise the caller's
 * @param bound addresses with a bound port in that network namespace
 * @returns why nobody answers, or undefined if somebody may
 */
export function nobodyAnswers(
  servers: readonly string[],
  network: "own" | "shared",
  bound: (port: number) => readonly string[],
): string | undefined {
  const asked = servers.length === 0 ? ["127.0.0.1"] : servers;
  if (!asked.every((server) => LOCAL.test(server))) return undefined;
  const listeners = bound(DNS);
  const answered = asked.some((server) =>
    listeners.some((address) => address === server || address === "0.0.0.0" || address === `[${server}]` || address === "[::]"),
  );
  if (answered) return undefined;
  const names = asked.join(" and ");
  const from = servers.length === 0 ? "its resolv.conf has no nameserver, and then 127.0.0.1 is asked" : `its resolv.conf names ${names}`;
  return network === "own"
    ? `${from}, which is the container's own loopback: the host's resolver (systemd-resolved, dnsmasq) is not there`
    : `${from}, where nobody listens at port ${DNS}`;
}
